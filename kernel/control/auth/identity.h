// Who asks, and what they may do. The tenant comes from here, always.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace stator::auth {

enum class Mode : std::uint8_t {
  kTrust,     // everybody is the superuser "anonymous" of tenant 1; loopback only
  kPassword,  // a user and password, or an API key
};

struct Identity {
  bool is_known = false;
  std::string username;
  TenantId tenant;
  std::uint32_t permissions = 0;  // stator_permission bits
};

Identity anonymous();

// Permission bits of a built-in role; nothing for an unknown one.
std::optional<std::uint32_t> permissions_of(std::string_view role);

}  // namespace stator::auth
