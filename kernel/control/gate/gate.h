// The one way in: identity -> permission -> placement, for every op of every protocol. What the
// gate lets through carries what it may do; nothing behind it looks at identities.
#pragma once

#include "base/result.h"
#include "bridge/task.h"
#include "control/auth/identity.h"
#include "control/dispatch/dispatcher.h"
#include "control/ops/op_table.h"

namespace stator::gate {

// Checks that `identity` may run `entry` with the task's shared fields, and completes the task:
// tenant, permissions. Errors: kUnauthenticated, kRejectedAuthz, kEngineDisabled.
Status admit(const auth::Identity& identity, const ops::OpEntry& entry,
             const plugin::Catalog& catalog, bridge::Task& task);

// Where an op's row sends it.
dispatch::Route route_of(const ops::OpEntry& entry);

// Whether `permissions` hold what the row asks for; the error names the permission.
Status check_permission(const auth::Identity& identity, const stator_op& row);

const char* permission_name(std::uint32_t permission);

}  // namespace stator::gate
