// What makes two requests one and its repeat (docs/adr/0040): the tenant, the client's
// idempotency key, the op, and the document or collection it is about. That they say the same is
// checked by a hash of the arguments.
#pragma once

#include <cstdint>
#include <vector>

#include "bridge/task.h"
#include "control/auth/identity.h"
#include "control/ops/op_table.h"

namespace stator::gate {

// Of all arguments of `task`, which is bound for `entry`, but secrets; neither the fields of the
// request (id, deadline_ms, …) nor what the gate writes itself count.
std::uint64_t hash_of_request(const ops::OpEntry& entry, const bridge::Task& task);

// Completes task.idempotency_key, which is as the client gave it, and task.request_hash. An empty
// key stays empty; a read has none, it is its own repeat.
void complete_key(const auth::Identity& identity, const ops::OpEntry& entry, bridge::Task& task);
// Of an atomic batch; `hashes` of its requests, in their order.
void complete_key_of_batch(const auth::Identity& identity, const std::vector<std::uint64_t>& hashes,
                           bridge::Task& batch);

}  // namespace stator::gate
