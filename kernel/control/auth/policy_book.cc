#include "control/auth/policy_book.h"

#include <set>

#include "stator/op.h"

#include "base/assert.h"
#include "base/limits.h"
#include "control/auth/row_policies.h"
#include "control/auth/secrets.h"

namespace stator::auth {

static_assert(system::kCollectionNameBytesMax == kCollectionBytesMax);

namespace {

constexpr std::uint32_t kFirstTenant = 1;  // always there

Error gone(const std::string& username) {
  return Error(ErrorCode::kUnauthenticated, "user '" + username + "' or its tenant is no longer there");
}

std::uint32_t load_id(ByteView key) { return key.size() == 4 ? load_big32(key.data()) : 0; }

}  // namespace

void PolicyBook::load(std::uint8_t space, ByteView key, ByteView value) {
  change({false, space, key, value});
}

void PolicyBook::apply(std::uint32_t type, ByteView payload) {
  const auto found = system::read_record(type, payload);
  STATOR_ASSERT(found.has_value());  // the engine has applied it
  change(*found);
}

void PolicyBook::change(const system::Change& change) {
  const std::lock_guard lock(mutex_);
  const auto set = [&](auto& map, auto key, auto value) {
    change.is_erase ? static_cast<void>(map.erase(key)) : static_cast<void>(map.insert_or_assign(key, std::move(value)));
  };
  const std::string key(change.key);
  switch (change.space) {
    case system::kSpaceUser: set(users_, key, system::read_user(change.value)); break;
    case system::kSpaceApiKey: set(keys_, key, system::read_api_key(change.value)); break;
    case system::kSpaceRole: set(roles_, key, system::read_role(change.value)); break;
    case system::kSpaceRowPolicy:
      set(row_policies_, key, system::read_row_policy(change.value));
      break;
    case system::kSpaceCollectionEngine:
      set(collection_engines_, key, system::read_collection_engine(change.value).engine);
      collections_version_.fetch_add(1, std::memory_order_release);
      break;
    case system::kSpaceTenant:
      change_tenant(load_id(change.key), change);
      break;
    default: return;
  }
  // Pairs with version(): who sees the number sees the change.
  version_.fetch_add(1, std::memory_order_release);
}

// To everybody else one that is being dropped is gone.
void PolicyBook::change_tenant(std::uint32_t id, const system::Change& change) {
  const system::Tenant tenant = system::read_tenant(change.value);
  const bool is_dropping = !change.is_erase && tenant.is_dropping;
  if (change.is_erase || is_dropping) {
    tenants_.erase(id);
  } else {
    tenants_.insert_or_assign(id, tenant);
  }
  auto& meter = meters_[id];
  if (meter == nullptr) meter = std::make_unique<TenantMeter>();
  meter->set_limits(tenant.limits);
  const bool was_dropping = is_dropping ? !dropping_.insert(id).second : dropping_.erase(id) != 0;
  if (drop_listener_ && is_dropping != was_dropping) drop_listener_(TenantId{id}, is_dropping);
}

std::optional<Credentials> PolicyBook::credentials_of(std::string_view username) const {
  const std::lock_guard lock(mutex_);
  const auto it = users_.find(username);
  if (it == users_.end()) return std::nullopt;
  return Credentials{it->second.password_hash, it->second.scram};
}

Result<Identity> PolicyBook::identify(std::string_view username) const {
  const std::lock_guard lock(mutex_);
  Identity identity;
  identity.username = username;
  STATOR_CHECK(compile(identity));
  return identity;
}

Result<Identity> PolicyBook::identify_key(std::string_view token, std::uint64_t wall_ms,
                                          std::uint64_t now_ns) const {
  ApiKey given;
  const bool is_formed = parse_token(token, given);
  const std::lock_guard lock(mutex_);
  const auto it = is_formed ? keys_.find(given.key_id) : keys_.end();
  // An unknown key costs the same as a wrong secret.
  const std::string hash = sha256_hex(given.secret);
  const std::string& stored = it == keys_.end() ? sha256_hex({}) : it->second.secret_hash;
  const bool is_equal = equal_in_constant_time(hash, stored);
  if (it == keys_.end() || !is_equal) return Error(ErrorCode::kUnauthenticated, "wrong credentials");
  const system::ApiKey& key = it->second;
  if (key.expires_ms != 0 && key.expires_ms <= wall_ms) {
    return Error(ErrorCode::kAuthExpired, "token", "the API key '" + key.key_id + "' has expired");
  }
  Identity identity;
  identity.username = key.username;
  identity.key_id = key.key_id;
  if (key.expires_ms != 0) identity.expires_ns = now_ns + (key.expires_ms - wall_ms) * 1'000'000;
  STATOR_CHECK(compile(identity));
  return identity;
}

void PolicyBook::renew(Identity& identity) const {
  const std::lock_guard lock(mutex_);
  if (identity.is_known && !identity.is_fixed) {
    identity.is_known = compile(identity).ok();
  }
  if (identity.is_fixed) add_absent(identity);
  identity.version = version_.load(std::memory_order_relaxed);  // changed under the lock only
}

void PolicyBook::renew(CollectionEngines& engines) const {
  if (engines.version_ == collections_version_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  engines.engines_ = collection_engines_;
  engines.version_ = collections_version_.load(std::memory_order_relaxed);
}

TenantMeter& PolicyBook::meter(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  auto& meter = meters_[tenant.value()];
  if (meter == nullptr) meter = std::make_unique<TenantMeter>();
  return *meter;
}

void PolicyBook::forget() {
  const std::lock_guard lock(mutex_);
  users_.clear();
  keys_.clear();
  roles_.clear();
  row_policies_.clear();
  collection_engines_.clear();
  collections_version_.fetch_add(1, std::memory_order_release);
  tenants_.clear();
  for (const std::uint32_t id : dropping_) {
    if (drop_listener_) drop_listener_(TenantId{id}, false);
  }
  dropping_.clear();
  for (const auto& [tenant, meter] : meters_) meter->set_limits({});
  version_.fetch_add(1, std::memory_order_release);
}

void PolicyBook::add_memory(TenantId tenant, std::int64_t bytes) {
  if (tenant != TenantId{0}) meter(tenant).add_memory(bytes);
}

void PolicyBook::forget_storage() {
  const std::lock_guard lock(mutex_);
  for (const auto& [tenant, meter] : meters_) meter->add_storage(-static_cast<std::int64_t>(meter->storage_bytes()));
}

Status PolicyBook::compile(Identity& identity) const {
  identity.rights = {};
  identity.rows.clear();
  const auto user = users_.find(identity.username);
  if (user == users_.end()) return gone(identity.username);
  const std::uint32_t tenant = user->second.tenant;
  if (tenant != kFirstTenant && tenants_.count(tenant) == 0) return gone(identity.username);
  // A user that was replaced by one of another tenant is somebody else.
  if (identity.is_known && identity.tenant != TenantId{tenant}) return gone(identity.username);
  identity.tenant = TenantId{tenant};
  identity.roles = user->second.roles;
  add_absent(identity);
  std::set<std::string> seen;
  for (const std::string& role : identity.roles) add_role(identity, role, seen);
  // Before a key narrows it: a key does what its user may do, and of that less, not otherwise.
  if ((identity.rights.everywhere & STATOR_PERM_ADMIN) == 0) add_rows(identity, seen);
  if (!identity.key_id.empty()) {
    const auto key = keys_.find(identity.key_id);
    if (key == keys_.end() || key->second.username != identity.username) return gone(identity.username);
    narrow(identity, key->second);
  }
  const auto meter = meters_.find(tenant);
  identity.meter = meter == meters_.end() || !meter->second->has_limits() ? nullptr : meter->second.get();
  identity.is_known = true;
  identity.version = version_.load(std::memory_order_relaxed);
  return ok_status();
}

void PolicyBook::add_role(Identity& identity, const std::string& role, std::set<std::string>& seen) const {
  if (const auto permissions = system::permissions_of_builtin(role)) {
    identity.rights.everywhere |= *permissions;
    seen.insert(role);
    return;
  }
  const auto it = roles_.find(system::role_key(identity.tenant.value(), role));
  if (it == roles_.end() || !seen.insert(role).second) return;
  for (const system::Grant& grant : it->second.grants) {
    identity.rights.add(grant.collection, system::permissions_of_classes(grant.classes));
  }
  for (const std::string& parent : it->second.inherits) add_role(identity, parent, seen);
}

void PolicyBook::add_rows(Identity& identity, const std::set<std::string>& roles) const {
  const std::uint32_t tenant = identity.tenant.value();
  const std::string of_tenant = system::tenant_key(tenant);
  for (auto it = row_policies_.lower_bound(of_tenant);
       it != row_policies_.end() && it->first.starts_with(of_tenant);) {
    const std::string collection(system::collection_of_row_policy(it->first));
    const std::string of_collection = system::row_policy_key(tenant, collection, {});
    std::vector<const system::RowPolicy*> policies;
    do {
      policies.push_back(&it->second);
      ++it;
    } while (it != row_policies_.end() && it->first.starts_with(of_collection));
    identity.rows.emplace_back(collection,
                               compile_row_rules(policies, {identity.username, tenant, roles}));
  }
}

// By name: so the keys are sorted.
void PolicyBook::add_absent(Identity& identity) const {
  identity.absent.clear();
  const std::string of_tenant = system::tenant_key(identity.tenant.value());
  for (auto it = collection_engines_.lower_bound(of_tenant);
       it != collection_engines_.end() && it->first.starts_with(of_tenant); ++it) {
    if (serving_.contains(it->second)) continue;
    identity.absent.emplace_back(system::collection_of_key(it->first), it->second);
  }
}

// What a key may do is what its user may do, of these classes and in these collections.
void PolicyBook::narrow(Identity& identity, const system::ApiKey& key) {
  Rights& rights = identity.rights;
  if (!key.classes.empty()) {
    const std::uint32_t mask = system::permissions_of_classes(key.classes);
    rights.everywhere &= mask;
    for (auto& [name, permissions] : rights.collections) permissions &= mask;
  }
  if (key.collections.empty()) return;
  Rights narrowed;
  for (const std::string& name : key.collections) narrowed.add(name, rights.in(name));
  rights = std::move(narrowed);
}

}  // namespace stator::auth
