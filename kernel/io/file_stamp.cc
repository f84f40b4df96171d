#include "io/file_stamp.h"

#include <sys/stat.h>

#include "base/hash.h"

namespace stator::io {

std::uint64_t file_stamp(std::initializer_list<std::string> paths) {
  std::string facts;
  const auto add = [&facts](std::uint64_t fact) { facts += std::to_string(fact) + ' '; };
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) return 0;
    add(found.st_dev);
    add(found.st_ino);
    add(static_cast<std::uint64_t>(found.st_size));
    add(static_cast<std::uint64_t>(found.st_mtim.tv_sec));
    add(static_cast<std::uint64_t>(found.st_mtim.tv_nsec));
  }
  return keyed_hash({}, facts) | 1;
}

}  // namespace stator::io
