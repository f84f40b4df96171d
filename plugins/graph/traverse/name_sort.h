// Sorts nodes by name: bottom-up merge sort (Knuth, TAOCP 5.2.4) that can be interrupted between
// any two steps, on keys that hold the first eight bytes of the name.
#pragma once

#include <vector>

#include "adjacency/names.h"
#include "traverse/interrupt_check.h"

namespace stator::graph {

// False if interrupted; the order is then unspecified.
bool sort_by_name(std::vector<Number>& nodes, const Names& names, InterruptCheck& interrupt);

}  // namespace stator::graph
