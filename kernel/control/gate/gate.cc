#include "control/gate/gate.h"

#include <bit>

namespace stator::gate {
namespace {

constexpr const char* kPermissionNames[] = {"read", "write", "create", "drop",
                                            "alter", "admin", "monitor"};

// The collection of the kernel's own engine; it belongs to tenant 0.
constexpr const char* kSystemCollection = "_system";

}  // namespace

const char* permission_name(std::uint32_t permission) {
  return kPermissionNames[std::countr_zero(permission)];
}

Status check_permission(const auth::Identity& identity, const stator_op& row) {
  if (!identity.is_known) {
    return Error(ErrorCode::kUnauthenticated, "not authenticated")
        .with_hint(R"(send {"op":"auth","method":"password","username":…,"password":…} first)");
  }
  if ((identity.permissions & row.permission) != 0) return ok_status();
  return Error(ErrorCode::kRejectedAuthz, "user '" + identity.username + "' lacks the permission '" +
                                              permission_name(row.permission) + "' that " + row.name +
                                              " needs");
}

Status admit(const auth::Identity& identity, const ops::OpEntry& entry,
             const plugin::Catalog& catalog, bridge::Task& task) {
  STATOR_CHECK(check_permission(identity, *entry.row));
  if (task.priority == bridge::Priority::kCritical &&
      (identity.permissions & STATOR_PERM_ADMIN) == 0) {
    return Error(ErrorCode::kRejectedAuthz, "priority", "priority 'critical' needs the permission 'admin'");
  }
  if (!entry.op->missing.empty()) {
    return Error(ErrorCode::kEngineDisabled, "op",
                 std::string(entry.row->name) + " needs the op '" + entry.op->missing +
                     "', whose engine is not enabled")
        .with_hint("add the engine that brings it to engines = [...] in the server's config");
  }
  task.op = entry.op->index;
  task.permissions = identity.permissions;
  task.tenant = identity.tenant;
  if (catalog.engine_of(*entry.op).is_builtin) {
    task.tenant = TenantId{0};
    task.collection = kSystemCollection;
  }
  return ok_status();
}

dispatch::Route route_of(const ops::OpEntry& entry) {
  using dispatch::Placement;
  const std::size_t rows = entry.args.rows();
  switch (entry.row->placement) {
    case STATOR_PLACE_DOCUMENT: return {Placement::kDocument, entry.args.routing_key(), 0};
    case STATOR_PLACE_COLLECTION: return {Placement::kCollection, 0, 0};
    case STATOR_PLACE_ALL: return {Placement::kAll, 0, 0};
    case STATOR_PLACE_ROWS:
      return {Placement::kRows, entry.args.row_set(rows)->routing_key(), rows};
    default: return {Placement::kAny, 0, 0};
  }
}

}  // namespace stator::gate
