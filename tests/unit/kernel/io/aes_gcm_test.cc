#include "io/aes_gcm.h"

#include <string>

#include <gtest/gtest.h>

namespace stator::io {
namespace {

std::string unhex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), AES-256 with 96 bits of
// nonce and associated data.
TEST(Aes256GcmTest, GivesTheAnswersOfItsSpecification) {
  Aes256Gcm gcm(AesKey(unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")));
  const std::string nonce = unhex("cafebabefacedbaddecaf888");
  const std::string associated = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plain = unhex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
  std::string sealed(plain.size(), '\0');
  std::string tag(kGcmTagBytes, '\0');
  gcm.seal(nonce, associated, plain, sealed.data(), tag.data());
  EXPECT_EQ(sealed, unhex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48"
                          "590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"));
  EXPECT_EQ(tag, unhex("76fc6ece0f4e1768cddf8853bb2d551b"));
  std::string opened(plain.size(), '\0');
  EXPECT_TRUE(gcm.open(nonce, associated, sealed, tag, opened.data()));
  EXPECT_EQ(opened, plain);
}

TEST(Aes256GcmTest, OpensNothingThatWasChanged) {
  Aes256Gcm gcm(AesKey(std::string(kAesKeyBytes, 'k')));
  const std::string nonce(kGcmNonceBytes, 'n');
  std::string sealed(5, '\0');
  std::string tag(kGcmTagBytes, '\0');
  gcm.seal(nonce, "about", "plain", sealed.data(), tag.data());
  std::string out(5, '\0');
  const auto opens = [&](const std::string& with_nonce, const std::string& about,
                         const std::string& bytes, const std::string& with_tag) {
    return gcm.open(with_nonce, about, bytes, with_tag, out.data());
  };
  EXPECT_TRUE(opens(nonce, "about", sealed, tag));
  std::string other = sealed;
  other[0] ^= 1;
  EXPECT_FALSE(opens(nonce, "about", other, tag));
  EXPECT_FALSE(opens(nonce, "abouT", sealed, tag));
  other = tag;
  other.back() ^= 1;
  EXPECT_FALSE(opens(nonce, "about", sealed, other));
  other = nonce;
  other[11] ^= 1;
  EXPECT_FALSE(opens(other, "about", sealed, tag));
  Aes256Gcm wrong(AesKey(std::string(kAesKeyBytes, 'K')));
  EXPECT_FALSE(wrong.open(nonce, "about", sealed, tag, out.data()));
}

TEST(DeriveKeyTest, IsHkdfWithSha256) {
  // As Python's hmac and hashlib compute it.
  EXPECT_EQ(derive_key(AesKey(std::string(kAesKeyBytes, 'k')), "salt", "purpose").view(),
            unhex("40f93b9899179e50947f30ffcd3151ebf8c817c42e622b6fc887a1a8b4e1299a"));
}

TEST(DeriveKeyTest, EveryInputMakesAnotherKey) {
  const AesKey key(std::string(kAesKeyBytes, 'k'));
  const AesKey derived = derive_key(key, "salt", "purpose");
  EXPECT_EQ(derived, derive_key(key, "salt", "purpose"));
  EXPECT_FALSE(derived == key);
  EXPECT_FALSE(derived == derive_key(key, "salT", "purpose"));
  EXPECT_FALSE(derived == derive_key(key, "salt", "purposE"));
  EXPECT_FALSE(derived == derive_key(AesKey(std::string(kAesKeyBytes, 'K')), "salt", "purpose"));
}

}  // namespace
}  // namespace stator::io
