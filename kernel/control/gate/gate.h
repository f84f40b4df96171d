// The one way in: identity -> permission -> quota -> row policies -> placement, for every op of
// every protocol. What the gate lets through carries what it may do; nothing behind it looks at
// identities.
#pragma once

#include <string_view>

#include "base/result.h"
#include "bridge/task.h"
#include "control/auth/identity.h"
#include "control/dispatch/dispatcher.h"
#include "control/ops/op_table.h"

namespace stator::gate {

// Checks that `identity` may run `entry` in the task's collection, counts it against the tenant's
// rate, and completes the task: tenant, permissions, row policies, idempotency key. Errors:
// kUnauthenticated, kAuthExpired, kRejectedAuthz, kEngineDisabled, kEngineMissing, kRateLimited,
// kOverQuota.
Status admit(const auth::Identity& identity, const ops::OpEntry& entry,
             const plugin::Catalog& catalog, std::uint64_t now_ns, bridge::Task& task);

// The same for an op that no engine brings; `collection` is the one it is about, empty: all of them. A
// row without a permission is anybody's who is known.
Status admit_kernel_op(const auth::Identity& identity, const stator_op& row, std::string_view collection,
                       std::uint64_t now_ns);

// The same for an op that shows every change of the collection (empty: of all of them), which
// nobody may whom row policies bind there.
Status admit_changes(const auth::Identity& identity, const stator_op& row,
                     std::string_view collection, std::uint64_t now_ns);
bool sees_every_row(const auth::Identity& identity, std::string_view collection);

// Counts the task as in flight for the identity's tenant until it is given back. Error: kOverQuota.
Status begin(const auth::Identity& identity, bridge::Task& task);

// Where an op's row sends it.
dispatch::Route route_of(const ops::OpEntry& entry);

// "none" for 0.
const char* permission_name(std::uint32_t permission);

}  // namespace stator::gate
