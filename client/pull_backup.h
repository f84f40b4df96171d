// A backup of the server into a directory of this machine: `stator pull-backup`. Knows one
// operation, backup_stream.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "connection.h"

namespace stator::client {

struct PullOptions {
  std::string path;  // of the directory that is made; its last part is the backup's name
  std::string base_manifest = {};  // of the backup that it continues; empty: a full one
  std::ostream& err;
  bool has_bar = false;
};

// The MANIFEST of the backup in the directory `base`, which one in `path` is to continue. Throws
// Failure (usage): it is none, is damaged, or `statord restore` would not find it from there.
std::string read_base_manifest(const std::string& base, const std::string& path);

// {"name","lsn","bytes","files"}, as the server says. Throws Failure: usage where the directory
// cannot be made, refused, connection.
std::string pull_backup(Connection& connection, const PullOptions& options);

}  // namespace stator::client
