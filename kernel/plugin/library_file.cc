#include "plugin/library_file.h"

#include "base/limits.h"
#include "io/sha256.h"
#include "io/trusted_file.h"

namespace stator::plugin {
namespace {

Error refuse(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kEngineMissing, "cannot load engine library " + path + ": " + why);
}

}  // namespace

Result<LibraryFile> read_library(const std::string& path) {
  auto file = io::read_trusted_file(path, kLibraryBytesMax);
  if (!file.ok()) return refuse(path, file.error().sentence());
  LibraryFile library;
  library.path = path;
  library.bytes = std::move(file.value().bytes);
  library.concern = std::move(file.value().concern);
  library::ElfImage image;
  const std::string fault = library::check_library(library.bytes, image, library.manifest);
  if (!fault.empty()) return refuse(path, fault);
  library.build_id = std::move(image.build_id);
  library.sha256 = io::sha256_hex(library.bytes);
  return library;
}

Status check_lock(const LibraryFile& library, const LockFile& lock, std::uint64_t min_conformance) {
  const std::string remedy = "; if it is meant, write the lock anew with `statord plugin lock`";
  const auto entry = lock.entries.find(library.manifest.id);
  if (entry == lock.entries.end()) {
    return refuse(library.path,
                  "engine '" + library.manifest.id + "' does not stand in " + lock.path + remedy);
  }
  if (entry->second.version != library.manifest.version) {
    return refuse(library.path, "it is version " + library.manifest.version + ", " + lock.path +
                                    " allows " + entry->second.version + remedy);
  }
  if (entry->second.sha256 != library.sha256) {
    return refuse(library.path, "its sha256 is " + library.sha256 + ", " + lock.path + " allows " +
                                    entry->second.sha256 + remedy);
  }
  if (entry->second.conformance < min_conformance) {
    return refuse(library.path,
                  lock.path + " says conformance " + std::to_string(entry->second.conformance) +
                      ", plugins_min_conformance is " + std::to_string(min_conformance) +
                      "; let it pass `stator-plugin-check " + library.path +
                      " --conformance FILE`, and write the lock anew with `statord plugin lock "
                      "--conformance FILE`");
  }
  return ok_status();
}

}  // namespace stator::plugin
