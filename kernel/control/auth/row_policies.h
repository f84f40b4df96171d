// Row policies of one collection become what one identity sees and may write there.
//
// Seen is a row for which one of the permissive policies and all of the restrictive ones hold, of
// those that are about the identity. So no permissive policy is no row, and a policy that cannot be
// read or compiled, or that makes the whole too large, is none either: all is denied, not that
// policy left out.
//
// Pure; any thread.
#pragma once

#include <span>

#include "base/row_rules.h"
#include "system/row_predicate.h"
#include "system/stored_form.h"

namespace stator::auth {

RowRules compile_row_rules(std::span<const system::RowPolicy* const> policies,
                           const system::AuthValues& who);

}  // namespace stator::auth
