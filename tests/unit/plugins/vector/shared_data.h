// Real data for tests: the folder that STATOR_TEST_DATA names, or the first shared/data found from
// the working directory or this file upwards. Absent data skips a test; it never fails one.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "support/places.h"

namespace stator::testing {

// The path of `below` (a file or folder) in the shared data, if it is there.
inline std::optional<std::filesystem::path> shared_data(const std::string& below) {
  namespace fs = std::filesystem;
  if (const char* named = std::getenv("STATOR_TEST_DATA")) {
    const fs::path path = fs::path(named) / below;
    return fs::exists(path) ? std::optional(path) : std::nullopt;
  }
  for (const fs::path& start : {fs::current_path(), fs::path(test::in_tests(""))}) {
    for (fs::path at = start;; at = at.parent_path()) {
      const fs::path path = at / "shared/data" / below;
      if (fs::exists(path)) return path;
      if (at == at.root_path()) break;
    }
  }
  return std::nullopt;
}

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace stator::testing
