// SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677), without channel binding: the password never
// crosses the wire, and what is stored cannot be used to log in.
//
// User names and passwords are taken as they are: no SASLprep. Cheap but make_scram(); any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "system/stored_form.h"

namespace stator::auth {

// What is kept of a password, with a random salt. As slow as an Argon2id hash: not on a lane's thread.
system::Scram make_scram(std::string_view password);
// The same with everything given; for tests against the RFC's example. `salt` is raw bytes.
system::Scram make_scram(std::string_view password, std::string_view salt, std::uint32_t iterations);
// For a user who is not there: always the same for one name while the server runs, so that the exchange
// does not tell; no password matches it.
system::Scram nobodys_scram(std::string_view username);

// One exchange. Messages are those of the RFC.
class ScramExchange {
 public:
  // Takes "n,,n=USER,r=NONCE". `given_user`: who is meant where the message has no name, as libpq's
  // have. Error: kBadRequest.
  Status begin(std::string_view client_first, std::string_view given_user = {});
  const std::string& username() const { return username_; }
  // "r=…,s=…,i=…". `nonce`: the server's part, printable and without a comma; random by default.
  std::string challenge(const system::Scram& scram, std::string nonce = {});
  // Takes "c=…,r=…,p=…"; returns "v=…". Errors: kBadRequest, kUnauthenticated.
  Result<std::string> finish(std::string_view client_final) const;

 private:
  std::string gs2_header_;
  std::string username_;
  std::string client_first_bare_;
  std::string client_nonce_;
  std::string nonce_;
  std::string server_first_;
  system::Scram scram_;
};

}  // namespace stator::auth
