// Which user a client certificate stands for.
#include "control/auth/client_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::auth {
namespace {

std::string user(const ClientCertificate& certificate, std::string_view asked = {}) {
  auto found = user_of(certificate, asked);
  return found.ok() ? found.value() : found.error().sentence();
}

TEST(ClientCertificateTest, TheCommonNameIsTheUser) {
  EXPECT_EQ(user({"ada", {"host.example", "ada@example"}}), "ada");
}

TEST(ClientCertificateTest, WithoutACommonNameTheOnlyOtherNameIs) {
  EXPECT_EQ(user({"", {"ada@example"}}), "ada@example");
  EXPECT_THAT(user({"", {"ada@example", "host"}}), testing::HasSubstr("several names"));
  EXPECT_THAT(user({}), testing::HasSubstr("names nobody"));
}

TEST(ClientCertificateTest, OnlyOneOfItsNamesCanBeAskedFor) {
  const ClientCertificate certificate = {"ada", {"host", "ada@example"}};
  EXPECT_EQ(user(certificate, "ada@example"), "ada@example");
  EXPECT_EQ(user(certificate, "ada"), "ada");
  EXPECT_THAT(user(certificate, "admin"), testing::HasSubstr("no such name"));
  EXPECT_THAT(user(certificate, "ada@"), testing::HasSubstr("no such name"));
}

}  // namespace
}  // namespace stator::auth
