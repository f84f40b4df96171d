#include "control/auth/secrets.h"

#include <gtest/gtest.h>

namespace stator::auth {
namespace {

TEST(SecretsTest, PasswordsVerifyAgainstTheirOwnHashOnly) {
  const std::string hash = hash_password("correct horse").take();
  EXPECT_EQ(hash.substr(0, 10), "$argon2id$");
  EXPECT_TRUE(verify_password("correct horse", hash));
  EXPECT_FALSE(verify_password("correct horsE", hash));
  EXPECT_FALSE(verify_password("", hash));
  EXPECT_FALSE(verify_password("correct horse", "nonsense"));
  EXPECT_NE(hash, hash_password("correct horse").take()) << "salted";
}

TEST(SecretsTest, TokensParseAsTheyAreFormatted) {
  const ApiKey key = make_api_key();
  ApiKey parsed;
  ASSERT_TRUE(parse_token(format_token(key), parsed));
  EXPECT_EQ(parsed.key_id, key.key_id);
  EXPECT_EQ(parsed.secret, key.secret);
  EXPECT_NE(make_api_key().secret, key.secret);
  for (const char* bad : {"", "stk_", "stk_abc_def", "xyz"}) EXPECT_FALSE(parse_token(bad, parsed));
}

TEST(SecretsTest, KnowsSha256) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace stator::auth
