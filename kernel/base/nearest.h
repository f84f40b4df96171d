// The known name a person probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stator {

// The candidate with the least edit distance to `name` (Levenshtein 1966), if that is at most a
// third of the name's length plus one; else empty. For error messages: not fast.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace stator
