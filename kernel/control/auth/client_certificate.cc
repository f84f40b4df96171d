#include "control/auth/client_certificate.h"

#include <algorithm>

namespace stator::auth {

Result<std::string> user_of(const ClientCertificate& certificate, std::string_view asked) {
  const auto& others = certificate.other_names;
  if (!asked.empty()) {
    const bool is_named = asked == certificate.common_name ||
                          std::find(others.begin(), others.end(), asked) != others.end();
    if (is_named) return std::string(asked);
    return Error(ErrorCode::kUnauthenticated, "username",
                 "the client certificate has no such name");
  }
  if (!certificate.common_name.empty()) return certificate.common_name;
  if (others.size() == 1) return others.front();
  return Error(ErrorCode::kUnauthenticated, "username",
               others.empty()
                   ? "the client certificate names nobody"
                   : "the client certificate has several names: say which of them in 'username'");
}

}  // namespace stator::auth
