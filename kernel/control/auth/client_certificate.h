// Whom a TLS client certificate stands for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stator::auth {

// What was shown during the handshake and signed by the server's client_ca. Names are UTF-8 without
// NULs, of at most kUsernameBytesMax bytes; others are left out.
struct ClientCertificate {
  std::string common_name;               // empty: none, or more than one
  std::vector<std::string> other_names;  // DNS, e-mail and URI names, in the certificate's order
  std::uint64_t ends_ms = 0;             // Unix time
};

// The user: `asked`, which must be one of its names; without it the common name or, where there is
// none, the only other name. Error: kUnauthenticated, field username.
Result<std::string> user_of(const ClientCertificate& certificate, std::string_view asked);

}  // namespace stator::auth
