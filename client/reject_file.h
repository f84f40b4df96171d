// The file that tells which lines were not loaded: {"line":N,"error_code":"…","error":"…"} each.
#pragma once

#include <cstdint>
#include <string>

#include "record_reader.h"

namespace stator::client {

class RejectFile {
 public:
  // Keeps the first `bytes` of the file, which an earlier run wrote. Without a path nothing is
  // written. Throws Failure (usage), as the others do.
  RejectFile(const std::string& path, std::uint64_t bytes);
  ~RejectFile();
  RejectFile(const RejectFile&) = delete;
  RejectFile& operator=(const RejectFile&) = delete;

  void write(const Reject& reject);
  // Puts on the disk what was written.
  void sync();
  std::uint64_t bytes() const { return bytes_; }

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  int fd_ = -1;
  std::string unwritten_;
  std::uint64_t bytes_ = 0;
};

}  // namespace stator::client
