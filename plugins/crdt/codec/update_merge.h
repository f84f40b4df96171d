// Updates joined and cut without a document.
#pragma once

#include <span>
#include <string>

#include "codec/delete_set.h"
#include "codec/update.h"

namespace stator::crdt {

// One update that says what all of them say: what two of them hold is kept once (of the earlier in
// the list), holes between the structs of a client become Skip.
std::string merge_updates(std::span<const Update> updates);

// What `update` says beyond `since`; its delete set stays whole.
std::string diff_update(const Update& update, const StateVector& since);

}  // namespace stator::crdt
