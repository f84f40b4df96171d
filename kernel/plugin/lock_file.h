// plugins.lock: which libraries a server may load. Text, a line per library, `#` begins a comment:
//   ID VERSION SHA256
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stator::plugin {

struct LockEntry {
  std::string version;
  std::string sha256;  // 64 hexadecimal digits, lower case
};

struct LockFile {
  std::string path;                          // for messages
  std::map<std::string, LockEntry> entries;  // by engine id
};

// Errors (kBadRequest) name path and line: another form, an id twice.
Result<LockFile> parse_lock(std::string_view text, const std::string& path);
// Text that parse_lock() reads back.
std::string lock_text(const LockFile& lock);

}  // namespace stator::plugin
