// Users, keys, roles, row policies, tenants and the engines of collections as the control plane
// reads them: a copy in memory of what the kernel's own engine stores, fed by every record of it
// that is applied.
//
// A record is applied before its answer is given, so a change is in force on all lanes when the
// client hears of it. An identity is compiled once and carries the version it was compiled from;
// the gate compares one number for each request and asks here only when it differs.
//
// Any thread. The lock is held for look-ups in maps; no request takes it while nothing changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "control/auth/collection_engines.h"
#include "control/auth/identity.h"
#include "system/stored_form.h"

namespace stator::auth {

// What a login is checked against.
struct Credentials {
  std::string password_hash;
  system::Scram scram;
};

class PolicyBook {
 public:
  // An entry as it is stored, at start; a record of the engine, when it is applied.
  void load(std::uint8_t space, ByteView key, ByteView value);
  void apply(std::uint32_t type, ByteView payload);

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  std::optional<Credentials> credentials_of(std::string_view username) const;
  // The identity of a user who has proved it. Error: kUnauthenticated (user or tenant is gone).
  Result<Identity> identify(std::string_view username) const;
  // The same of an API key ("stk_ID_SECRET"); the clocks turn its end into monotonic time. Errors:
  // kUnauthenticated, kAuthExpired.
  Result<Identity> identify_key(std::string_view token, std::uint64_t wall_ms, std::uint64_t now_ns) const;
  // Before the first identity: ids of the engines that serve here.
  void set_serving(std::set<std::string> engines) { serving_ = std::move(engines); }
  // Brings the lane's copy up to date; does not lock if nothing was changed.
  void renew(CollectionEngines& engines) const;
  // Compiles `identity` anew. It is unknown afterwards if its user, key or tenant is gone.
  void renew(Identity& identity) const;

  // Of a tenant; lives as long as this book. Made when it is first asked for.
  TenantMeter& meter(TenantId tenant);
  // Called with a tenant that is being dropped, as long as something of it is stored (true), and
  // when nothing is (false); with the lock held, on the thread that loads or applies. Before both.
  void on_drop(std::function<void(TenantId, bool is_dropping)> listener) {
    drop_listener_ = std::move(listener);
  }
  // Everything but the meters, which identities point to: load() of all stores follows.
  void forget();
  // What engines hold in memory for it has changed by so much; the kernel's own has no meter.
  void add_memory(TenantId tenant, std::int64_t bytes);
  // Before all stores are opened, which say anew what they hold.
  void forget_storage();

 private:
  void change(const system::Change& change);
  void change_tenant(std::uint32_t id, const system::Change& change);
  // All: under the lock.
  Status compile(Identity& identity) const;
  void add_role(Identity& identity, const std::string& role, std::set<std::string>& seen) const;
  void add_rows(Identity& identity, const std::set<std::string>& roles) const;
  void add_absent(Identity& identity) const;
  static void narrow(Identity& identity, const system::ApiKey& key);

  std::function<void(TenantId, bool)> drop_listener_;
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> version_{1};
  std::map<std::string, system::User, std::less<>> users_;
  std::map<std::string, system::ApiKey, std::less<>> keys_;
  std::map<std::string, system::Role, std::less<>> roles_;  // by role_key()
  std::map<std::string, system::RowPolicy, std::less<>> row_policies_;  // by row_policy_key()
  std::map<std::string, std::string, std::less<>> collection_engines_;  // by collection_key()
  std::atomic<std::uint64_t> collections_version_{1};
  std::set<std::string> serving_;
  std::map<std::uint32_t, system::Tenant> tenants_;
  std::set<std::uint32_t> dropping_;
  mutable std::map<std::uint32_t, std::unique_ptr<TenantMeter>> meters_;
};

}  // namespace stator::auth
