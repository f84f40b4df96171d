// A file that is written whole: under another name until it is complete and on the disk.
#pragma once

#include <string>
#include <string_view>

namespace stator::client {

class OutFile {
 public:
  // "-" is the standard output. Throws Failure (usage) where `path` cannot be written, also later.
  explicit OutFile(const std::string& path);
  // Without finish() what was written so far goes; a file of that name stays as it was.
  ~OutFile();
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  void write(std::string_view bytes);
  void finish();
  // The standard output was closed by who read it.
  bool is_unread() const { return is_unread_; }

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  std::string part_path_;  // empty: written to at once
  int fd_ = -1;
  bool is_unread_ = false;
};

}  // namespace stator::client
