// Limits of a tenant on what a single request asks for: dimensions of vectors, depth of walks.
// Which arguments these are the op's row says: those of type F32VEC, those marked STATOR_ARG_DEPTH.
#pragma once

#include "stator/op.h"

#include "base/result.h"
#include "bridge/task.h"
#include "control/auth/tenant_meter.h"

namespace stator::gate {

// Name of the quota that limits the argument; null: none does.
const char* quota_of(const stator_arg& arg);

// Error: kOverQuota, naming the argument, the quota and both numbers.
Status check_arg_quotas(const auth::TenantMeter& meter, const stator_op& row,
                        const bridge::Task& task);

}  // namespace stator::gate
