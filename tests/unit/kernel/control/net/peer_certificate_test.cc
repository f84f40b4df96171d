// What is read of a client's certificate, and that nothing in it passes for another name.
#include "control/net/peer_certificate.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/limits.h"

namespace stator::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PeerCertificateTest : public testing::Test {
 protected:
  void add_common_name(std::string_view bytes, int type = MBSTRING_UTF8) {
    ASSERT_EQ(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate_.get()), NID_commonName,
                                         type, reinterpret_cast<const unsigned char*>(bytes.data()),
                                         static_cast<int>(bytes.size()), -1, 0),
              1);
  }
  void add_name(int type, std::string_view bytes) {
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, value);
    sk_GENERAL_NAME_push(names_, name);
  }
  auth::ClientCertificate read() {
    X509_add1_ext_i2d(certificate_.get(), NID_subject_alt_name, names_, 0, 0);
    return read_certificate(*certificate_);
  }
  ~PeerCertificateTest() override { GENERAL_NAMES_free(names_); }

  std::unique_ptr<X509, decltype(&X509_free)> certificate_{X509_new(), &X509_free};
  GENERAL_NAMES* names_ = GENERAL_NAMES_new();
};

TEST_F(PeerCertificateTest, ReadsNamesAndTheEnd) {
  add_common_name("ada");
  add_name(GEN_DNS, "host.example");
  add_name(GEN_EMAIL, "ada@example");
  add_name(GEN_URI, "spiffe://example/ada");
  ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate_.get()), "20300102030405Z");
  const auth::ClientCertificate found = read();
  EXPECT_EQ(found.common_name, "ada");
  EXPECT_THAT(found.other_names,
              ElementsAre("host.example", "ada@example", "spiffe://example/ada"));
  EXPECT_EQ(found.ends_ms, 1'893'553'445'000u);
}

TEST_F(PeerCertificateTest, ANameInAnotherCharacterSetIsUtf8) {
  add_common_name(std::string_view("\0J\0\xf6", 4), V_ASN1_BMPSTRING);
  EXPECT_EQ(read().common_name, "J\xc3\xb6");
}

// "admin\0.example" must never be read as "admin".
TEST_F(PeerCertificateTest, ANameWithANulIsNone) {
  add_common_name(std::string_view("admin\0x", 7));
  add_name(GEN_DNS, std::string_view("admin\0.example", 14));
  const auth::ClientCertificate found = read();
  EXPECT_EQ(found.common_name, "");
  EXPECT_THAT(found.other_names, IsEmpty());
}

TEST_F(PeerCertificateTest, ANameThatIsNoUsersIsNone) {
  add_name(GEN_DNS, std::string(kUsernameBytesMax, 'a'));
  add_name(GEN_DNS, std::string(kUsernameBytesMax + 1, 'a'));
  EXPECT_THAT(read().other_names, ElementsAre(std::string(kUsernameBytesMax, 'a')));
}

TEST_F(PeerCertificateTest, OfTwoCommonNamesNoneCounts) {
  add_common_name("ada");
  add_common_name("admin");
  EXPECT_EQ(read().common_name, "");
}

TEST_F(PeerCertificateTest, OneWithoutAnythingNamesNobody) {
  const auth::ClientCertificate found = read_certificate(*certificate_);
  EXPECT_EQ(found.common_name, "");
  EXPECT_THAT(found.other_names, IsEmpty());
}

}  // namespace
}  // namespace stator::net
