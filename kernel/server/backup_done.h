// What is said of a backup that was taken.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"

namespace stator::server {

struct BackupDone {
  std::string name;
  Lsn lsn;
  std::uint64_t bytes = 0;  // of its files, without the manifest
  std::uint64_t files = 0;
};

}  // namespace stator::server
