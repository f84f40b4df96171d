#include "plugin/library.h"

#include <dlfcn.h>
#include <vector>

#include <boost/dll/shared_library.hpp>

#include "io/sealed_memory.h"
#include "plugin/engine_scope.h"

namespace stator::plugin {
namespace {

// Libraries stay for the life of the process: code of a closed engine may still be on a stack, and
// unloading C++ is a wish, not an operation.
std::vector<boost::dll::shared_library>& loaded() {
  static std::vector<boost::dll::shared_library> libraries;
  return libraries;
}

Error cannot_load(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kEngineMissing, "cannot load engine library " + path + ": " + why);
}

}  // namespace

Result<stator_engine_entry> load_entry(const LibraryFile& library) {
  namespace dll = boost::dll;
  const auto mode = static_cast<dll::load_mode::type>(
      static_cast<unsigned>(dll::load_mode::rtld_now) |
      static_cast<unsigned>(dll::load_mode::rtld_local) | unsigned{RTLD_NODELETE});
  STATOR_TRY(const std::string sealed,
             io::seal_in_memory(library.manifest.id + ".so", library.bytes));
  const EngineScope scope(library, "load");  // constructors of the library
  try {
    // The throwing overload: the one with an error code loses the loader's sentence.
    dll::shared_library loading;
    loading.load(sealed, mode);
    auto& entry =
        loading.get<const stator_engine_v1*(const stator_kernel_hello*)>(STATOR_ENTRY_SYMBOL);
    loaded().push_back(std::move(loading));
    return stator_engine_entry{&entry};
  } catch (const std::exception& fault) {
    return cannot_load(library.path, fault.what());
  }
}

}  // namespace stator::plugin
