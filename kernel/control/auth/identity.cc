#include "control/auth/identity.h"

#include "stator/op.h"

namespace stator::auth {
namespace {

constexpr std::uint32_t kAll = STATOR_PERM_READ | STATOR_PERM_WRITE | STATOR_PERM_CREATE |
                               STATOR_PERM_DROP | STATOR_PERM_ALTER | STATOR_PERM_ADMIN |
                               STATOR_PERM_MONITOR;

}  // namespace

Identity anonymous() { return {true, "anonymous", TenantId{1}, kAll}; }

std::optional<std::uint32_t> permissions_of(std::string_view role) {
  if (role == "superuser") return kAll;
  if (role == "readwrite") {
    return STATOR_PERM_READ | STATOR_PERM_WRITE | STATOR_PERM_CREATE | STATOR_PERM_ALTER;
  }
  if (role == "readonly") return STATOR_PERM_READ;
  if (role == "monitor") return STATOR_PERM_READ | STATOR_PERM_MONITOR;
  return std::nullopt;
}

}  // namespace stator::auth
