// Reads every page of a data.mdb before LMDB maps it. LMDB trusts its file: a flipped bit in a page
// number or an offset makes it read outside the map, answer "absent", or give a page that is in use
// to the next checkpoint. Here every number is checked before it is followed.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/file_system.h"

namespace stator::store {

struct CheckedFile {
  std::uint64_t digest = 0;  // of the entries of "data", see entry_digest.h
  std::uint64_t pages = 0;   // that are in use
};

// Of the newest snapshot in the file. An empty file is good. Error kCorrupted with path and page
// when the file is not a tree whose keys are in order, whose counts are right and whose pages are
// each used once. What the values hold is the digest's business. Nothing is changed.
Result<CheckedFile> check_lmdb_file(io::File& file, const std::string& path);

}  // namespace stator::store
