// What row policies let somebody see and write in one collection. Whoever holds it is bound:
// programs that are empty, or none, let nothing through.
#pragma once

#include <string>

namespace stator {

struct RowRules {
  // Programs of stator/filter/program.hpp.
  std::string visible;
  std::string writable;
  std::string names;  // of the policies that rule writes, for refusals: 'own', 'open'
};

}  // namespace stator
