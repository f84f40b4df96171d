// Logins with a token of somebody else: a JSON Web Token (RFC 7519) signed with RS256 or ES256
// (RFC 7518) by a key of a JWK set (RFC 7517) that stands in a file.
//
// Which user it is, the token says; what the user may do, only this server's roles do.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stator::auth {

struct JwtRules {
  std::string keys_file;  // a JWK set; empty: no tokens are taken
  std::string issuer;     // what `iss` must be
  std::string audience;   // what `aud` must be or hold
  std::string user_claim = "sub";
};

struct JwtUser {
  std::string username;
  std::uint64_t ends_ms = 0;  // Unix time; `exp`, with the leeway that is granted
};

// Whether a bearer's token has this form, and not that of an API key, whose secret may have dots
// too.
bool is_jwt(std::string_view token);

// Threads: any.
class JwtVerifier {
 public:
  // Reads the keys. Error: kBadRequest, a sentence that names the file and what is wrong in it.
  static Result<std::unique_ptr<JwtVerifier>> load(JwtRules rules);
  explicit JwtVerifier(JwtRules rules) : rules_(std::move(rules)) {}  // load() makes it
  // Reads them again; on an error the old ones stay.
  Status reload();
  // Another number whenever the file is another or was written; 0 while it is missing.
  std::uint64_t stamp() const;

  // Errors: kUnauthenticated, whatever is wrong but the time (the sentence says what, and nothing
  // that the token's owner does not know); kAuthExpired.
  Result<JwtUser> verify(std::string_view token, std::uint64_t wall_ms) const;

 private:
  struct Key {
    std::string id;   // `kid`; empty: none
    std::string alg;  // the one it is good for
    std::string json;
  };
  static Result<std::vector<Key>> read_keys(const std::string& path);
  bool is_signed(std::string_view token) const;

  JwtRules rules_;
  mutable std::mutex mutex_;
  std::vector<Key> keys_;  // guarded by mutex_
};

}  // namespace stator::auth
