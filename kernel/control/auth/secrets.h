// Hashes of secrets. Functions of this file are slow on purpose or constant in time.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stator::auth {

// Argon2id (RFC 9106) with a random salt, in PHC form: 19 MiB, 2 passes, 1 lane (OWASP 2023).
// Takes some 30 ms: never on a lane's thread.
Result<std::string> hash_password(std::string_view password);
bool verify_password(std::string_view password, const std::string& hash);
// A hash that no password has: verified for unknown users, so that they cost the same time.
const std::string& nobodys_hash();

struct ApiKey {
  std::string key_id;  // 16 hex digits
  std::string secret;  // 43 characters of base64url, 256 bits
};
ApiKey make_api_key();
// "stk_KEYID_SECRET"; false if `token` has another form.
std::string format_token(const ApiKey& key);
bool parse_token(std::string_view token, ApiKey& key);
std::string sha256_hex(std::string_view text);
bool equal_in_constant_time(std::string_view a, std::string_view b);

std::string random_password();

}  // namespace stator::auth
