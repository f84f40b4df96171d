// Who asks, and what they may do. The tenant comes from here, always.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/row_rules.h"
#include "control/auth/tenant_meter.h"

namespace stator::auth {

enum class Mode : std::uint8_t {
  kTrust,     // everybody is the superuser "anonymous" of tenant 1; loopback only
  kPassword,  // a user and password, or an API key
};

// Permissions (stator_permission bits), compiled from roles and grants: one load and one test for
// an identity without grants on single collections.
struct Rights {
  std::uint32_t everywhere =
      0;  // in each collection of the tenant, and where there is no collection
  std::vector<std::pair<std::string, std::uint32_t>> collections;  // further ones, sorted by name

  std::uint32_t in(std::string_view collection) const {
    return collections.empty() ? everywhere : find(collection);
  }
  // Adds permissions; an empty collection stands for all.
  void add(std::string_view collection, std::uint32_t permissions);

 private:
  std::uint32_t find(std::string_view collection) const;
};

struct Identity {
  bool is_known = false;
  bool is_fixed =
      false;  // the kernel's own, or of trust mode: no change of users or roles concerns it
  std::string username;
  TenantId tenant;
  Rights rights;
  // Of each collection that has row policies, sorted by name; none for who administers the tenant.
  std::vector<std::pair<std::string, RowRules>> rows;
  // Collections of the tenant that belong to an engine that does not serve here, sorted, with its
  // id.
  std::vector<std::pair<std::string, std::string>> absent;
  std::vector<std::string> roles;                // for messages
  std::string key_id;                            // of the API key it came with; empty: none
  std::uint64_t expires_ns = ~std::uint64_t{0};  // monotonic
  TenantMeter* meter = nullptr;                  // null: the tenant has no limits
  std::uint64_t version = 0;  // of the policy book that the above was compiled from

  bool is_superuser() const;
  // Null: no row policy binds the identity in that collection.
  const RowRules* rows_in(std::string_view collection) const {
    return rows.empty() ? nullptr : find_rows(collection);
  }
  // The engine that the collection belongs to, if it does not serve here; null otherwise.
  const std::string* absent_in(std::string_view collection) const {
    return absent.empty() ? nullptr : find_absent(collection);
  }

 private:
  const RowRules* find_rows(std::string_view collection) const;
  const std::string* find_absent(std::string_view collection) const;
};

Identity anonymous();

}  // namespace stator::auth
