// Whether an engine's descriptor and op rows keep the contract (stator/op.h).
#pragma once

#include "base/result.h"
#include "stator/engine.h"

namespace stator::plugin {

// `engine` is the kernel's copy. The error's sentence names the row and the rule.
Status check_engine(const stator_engine_v1& engine);
Status check_op(const stator_engine_v1& engine, const stator_op& op);

// Whether `name` is a field that every request shares; engines cannot have an argument so named.
bool is_shared_field(std::string_view name);

}  // namespace stator::plugin
