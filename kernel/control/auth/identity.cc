#include "control/auth/identity.h"

#include <algorithm>

#include "stator/op.h"

namespace stator::auth {
namespace {

bool is_before(const std::pair<std::string, std::uint32_t>& entry, std::string_view name) {
  return entry.first < name;
}

}  // namespace

void Rights::add(std::string_view collection, std::uint32_t permissions) {
  if (collection.empty()) {
    everywhere |= permissions;
    return;
  }
  auto it = std::lower_bound(collections.begin(), collections.end(), collection, is_before);
  if (it == collections.end() || it->first != collection)
    it = collections.insert(it, {std::string(collection), 0});
  it->second |= permissions;
}

std::uint32_t Rights::find(std::string_view collection) const {
  const auto it = std::lower_bound(collections.begin(), collections.end(), collection, is_before);
  return it == collections.end() || it->first != collection ? everywhere : everywhere | it->second;
}

bool Identity::is_superuser() const { return (rights.everywhere & STATOR_PERM_SERVER) != 0; }

const RowRules* Identity::find_rows(std::string_view collection) const {
  const auto it =
      std::lower_bound(rows.begin(), rows.end(), collection,
                       [](const auto& entry, std::string_view name) { return entry.first < name; });
  return it == rows.end() || it->first != collection ? nullptr : &it->second;
}

const std::string* Identity::find_absent(std::string_view collection) const {
  const auto it =
      std::lower_bound(absent.begin(), absent.end(), collection,
                       [](const auto& entry, std::string_view name) { return entry.first < name; });
  return it == absent.end() || it->first != collection ? nullptr : &it->second;
}

Identity anonymous() {
  Identity identity;
  identity.is_known = true;
  identity.is_fixed = true;
  identity.username = "anonymous";
  identity.tenant = TenantId{1};
  identity.roles = {std::string(system::kSuperuser)};
  identity.rights.everywhere = *system::permissions_of_builtin(system::kSuperuser);
  return identity;
}

}  // namespace stator::auth
