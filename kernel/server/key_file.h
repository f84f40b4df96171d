// The key file of the log's encryption: [encryption] key_file, --key-file.
#pragma once

#include <string>

#include "base/result.h"
#include "wal/key_ring.h"

namespace stator::server {

// Reads `path` into `keys`; an empty path does nothing. Errors: kBadRequest, a sentence that names
// file and line and holds no key; `keys` is unchanged then.
Status read_key_file(const std::string& path, wal::KeyRing& keys);

}  // namespace stator::server
