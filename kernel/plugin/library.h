// A loaded shared library. The only place that knows Boost.DLL.
#pragma once

#include "stator/engine.h"

#include "base/result.h"
#include "plugin/library_file.h"

namespace stator::plugin {

// Loads exactly the bytes that were checked, from a sealed file in memory (RTLD_NOW, RTLD_LOCAL,
// never unloaded), and returns the entry: whoever overwrites the file on the disk, then or later,
// changes nothing here. Error (kEngineMissing): not loadable, with the loader's reason.
Result<stator_engine_entry> load_entry(const LibraryFile& library);

}  // namespace stator::plugin
