// A loaded shared library. The only place that knows Boost.DLL.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "stator/engine.h"

namespace stator::plugin {

// Loads the library at `path` (RTLD_NOW, RTLD_LOCAL, never unloaded) and returns its entry.
// Errors (kEngineMissing): no such file, not loadable (with the loader's reason), or built for
// another major version of the contract (the entry symbol is missing).
Result<stator_engine_entry> load_entry(const std::string& path);

}  // namespace stator::plugin
