#include "control/gate/gate.h"

#include <bit>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "control/gate/arg_quota.h"
#include "control/gate/repeat_key.h"

namespace stator::gate {
namespace {

constexpr const char* kPermissionNames[] = {"read",  "write", "create",  "drop",
                                            "alter", "admin", "monitor", "server"};

std::string names_of(std::uint32_t permissions) {
  std::string out;
  for (std::uint32_t bit = 0; bit < std::size(kPermissionNames); ++bit) {
    if ((permissions >> bit & 1) == 0) continue;
    out += (out.empty() ? "" : ", ") + std::string(kPermissionNames[bit]);
  }
  return out.empty() ? "nothing" : out;
}

Error unknown(const auth::Identity& identity, std::uint64_t now_ns) {
  if (now_ns >= identity.expires_ns) {
    const std::string what =
        identity.key_id.empty() ? "what vouched for the user" : "the API key '" + identity.key_id + "'";
    return Error(ErrorCode::kAuthExpired, what + " has expired");
  }
  if (!identity.username.empty()) {
    return Error(ErrorCode::kUnauthenticated,
                 "user '" + identity.username + "', its API key or its tenant is no longer there");
  }
  return Error(ErrorCode::kUnauthenticated, "not authenticated")
      .with_hint(R"(send {"op":"auth","method":"password","username":…,"password":…} first)");
}

// "point_put needs write on collection 'orders'; role 'readonly' grants read".
Error refuse(const auth::Identity& identity, const stator_op& row, std::string_view collection,
             std::uint32_t granted) {
  std::string who = identity.roles.size() == 1 ? "role " : "roles ";
  for (std::size_t i = 0; i < identity.roles.size(); ++i) {
    who += (i == 0 ? "'" : ", '") + identity.roles[i] + "'";
  }
  const bool is_one = identity.roles.size() == 1;
  if (identity.roles.empty()) who = "no roles";
  if (!identity.key_id.empty()) who += " with API key '" + identity.key_id + "'";
  return Error(ErrorCode::kRejectedAuthz,
               std::string(row.name) + " needs " + permission_name(row.permission) +
                   (collection.empty() ? "" : " on collection '" + std::string(collection) + "'") +
                   "; " + who + (is_one ? " grants " : " grant ") + names_of(granted));
}

Status check_quota(auth::TenantMeter& meter, const stator_op& row, std::uint64_t now_ns) {
  STATOR_CHECK(meter.take_token(now_ns));
  // Who is over its quota may still look, remove and drop.
  constexpr std::uint32_t kAdds = STATOR_PERM_WRITE | STATOR_PERM_CREATE | STATOR_PERM_ALTER;
  if ((row.permission & kAdds) == 0 || (row.flags & STATOR_OP_REMOVES) != 0) return ok_status();
  return meter.check_room();
}

// What the kernel's own engine is told of the caller: its rows begin with that argument.
void sign(const auth::Identity& identity, bridge::Task& task) {
  const auto* block = reinterpret_cast<const stator_arg_block*>(task.args.data());
  const std::size_t at = block->struct_size;
  const std::uint64_t caller =
      identity.tenant.value() | (identity.is_superuser() ? std::uint64_t{1} << 32 : 0);
  store_little(task.args.data() + at, caller);
}

// Whatever op is asked for: another engine would answer for data that it has not.
Error absent(const std::string& collection, const std::string& engine) {
  return Error(ErrorCode::kEngineMissing, "collection",
               "collection '" + collection + "' belongs to engine '" + engine +
                   "', which does not serve here; its data waits for it")
      .with_hint("install it and add \"" + engine +
                 "\" to engines = [...] in the server's config; or collection_engine_drop");
}

// Where row policies bind the identity only ops go on that ask for each row, and they take the
// rules with them. Whatever else an engine brings is refused here.
Status attach_rows(const auth::Identity& identity, const stator_op& row, bridge::Task& task) {
  const RowRules* rules = identity.rows_in(task.collection);
  if (rules == nullptr) return ok_status();
  if ((row.flags & STATOR_OP_ROWS_CHECKED) == 0) {
    return Error(ErrorCode::kRejectedAuthz,
                 "collection '" + task.collection + "' has row policies, and " + row.name +
                     " does not ask for single rows: only a tenant_admin may");
  }
  task.rows = std::make_unique<const RowRules>(*rules);
  return ok_status();
}

}  // namespace

const char* permission_name(std::uint32_t permission) {
  return permission == 0 ? "none" : kPermissionNames[std::countr_zero(permission)];
}

Status admit_kernel_op(const auth::Identity& identity, const stator_op& row, std::string_view collection,
                       std::uint64_t now_ns) {
  if (!identity.is_known) return unknown(identity, now_ns);
  const std::uint32_t granted =
      collection.empty() ? identity.rights.everywhere : identity.rights.in(collection);
  if (row.permission != 0 && (granted & row.permission) == 0)
    return refuse(identity, row, collection, granted);
  return identity.meter == nullptr ? ok_status() : identity.meter->take_token(now_ns);
}

Status admit_changes(const auth::Identity& identity, const stator_op& row,
                     std::string_view collection, std::uint64_t now_ns) {
  STATOR_CHECK(admit_kernel_op(identity, row, collection, now_ns));
  if (sees_every_row(identity, collection)) return ok_status();
  return Error(
      ErrorCode::kRejectedAuthz,
      std::string(row.name) + " shows every row, and here row policies say which ones you see");
}

bool sees_every_row(const auth::Identity& identity, std::string_view collection) {
  return collection.empty() ? identity.rows.empty() : identity.rows_in(collection) == nullptr;
}

Status begin(const auth::Identity& identity, bridge::Task& task) {
  if (identity.meter == nullptr) return ok_status();
  STATOR_CHECK(identity.meter->enter());
  task.open_count = &identity.meter->open_count();
  return ok_status();
}

Status admit(const auth::Identity& identity, const ops::OpEntry& entry,
             const plugin::Catalog& catalog, std::uint64_t now_ns, bridge::Task& task) {
  if (!identity.is_known) return unknown(identity, now_ns);
  const stator_op& row = *entry.row;
  const bool is_builtin = catalog.engine_of(*entry.op).is_builtin;
  // The kernel's own engine has no collections: a grant on one that is called like that is not
  // meant.
  const std::uint32_t granted =
      is_builtin ? identity.rights.everywhere : identity.rights.in(task.collection);
  if ((granted & row.permission) == 0) {
    return refuse(identity, row,
                  is_builtin ? std::string_view() : std::string_view(task.collection), granted);
  }
  if (task.priority == bridge::Priority::kCritical && (granted & STATOR_PERM_ADMIN) == 0) {
    return Error(ErrorCode::kRejectedAuthz, "priority",
                 "priority 'critical' needs the permission 'admin'");
  }
  if (identity.meter != nullptr) {
    STATOR_CHECK(check_quota(*identity.meter, row, now_ns));
    STATOR_CHECK(check_arg_quotas(*identity.meter, row, task));
  }
  if (!is_builtin && identity.absent_in(task.collection) != nullptr) {
    return absent(task.collection, *identity.absent_in(task.collection));
  }
  if (!entry.op->missing.empty()) {
    return Error(ErrorCode::kEngineDisabled, "op",
                 std::string(entry.row->name) + " needs the op '" + entry.op->missing +
                     "', whose engine is not enabled")
        .with_hint("add the engine that brings it to engines = [...] in the server's config");
  }
  task.op = entry.op->index;
  task.permissions = granted;
  task.tenant = identity.tenant;
  if (is_builtin) {
    task.tenant = TenantId{0};
    task.collection = system::kCollection;
    // Tenant 0 is everybody's here: one tenant's key must not find another's answer.
    if (!task.idempotency_key.empty()) {
      task.idempotency_key.insert(0, std::to_string(identity.tenant.value()) + ":");
    }
    sign(identity, task);
    complete_key(identity, entry, task);
    return ok_status();
  }
  complete_key(identity, entry, task);
  return attach_rows(identity, row, task);
}

dispatch::Route route_of(const ops::OpEntry& entry) {
  using dispatch::Placement;
  const std::size_t rows = entry.args.rows();
  switch (entry.row->placement) {
    case STATOR_PLACE_DOCUMENT:
      return {Placement::kDocument, entry.args.routing_key(), 0};
    case STATOR_PLACE_COLLECTION:
      return {Placement::kCollection, 0, 0};
    case STATOR_PLACE_ALL:
      return {Placement::kAll, 0, 0, (entry.row->flags & STATOR_OP_TOGETHER) != 0,
              entry.row->op_class == STATOR_OP_READ};
    case STATOR_PLACE_ROWS:
      return {Placement::kRows, entry.args.row_set(rows)->routing_key(), rows};
    default:
      return {Placement::kAny, 0, 0};
  }
}

}  // namespace stator::gate
