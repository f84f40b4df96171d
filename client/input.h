// A file or the standard input, line by line in bounded memory, with the SHA-256 of what was taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "digest.h"

namespace stator::client {

// The longest line, and record of CSV: a document has at most 8 MiB, its id and white space come to
// it.
inline constexpr std::size_t kLineBytesMax = 12u * 1024 * 1024;

class Input {
 public:
  // "-" is the standard input. A byte order mark of UTF-8 is passed over. Throws Failure (usage)
  // where `path` cannot be read, also later, or is UTF-16.
  explicit Input(const std::string& path);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  enum class Taken { kLine, kTooLong, kEnd };
  // The next line without its "\n" (a "\r" before it stays); its bytes last until the next call. Of
  // a line above kLineBytesMax nothing is kept. The last line may lack its "\n".
  Taken next_line(std::string_view& line);
  // Goes on at that offset, which has so many lines before it. False: there is less.
  bool skip_to(std::uint64_t offset, std::uint64_t lines_before);

  std::uint64_t line_number() const { return line_number_; }  // of the last line, from 1
  std::uint64_t line_offset() const { return line_offset_; }  // where it begins
  std::uint64_t offset() const { return offset_; }            // behind it
  // SHA-256 of all that stands before offset(); of what stands before the last line, to be asked
  // for first where both are.
  std::string digest();
  std::string digest_before_line();

  const std::string& path() const { return path_; }
  std::uint64_t file_bytes() const { return file_bytes_; }  // 0: unknown

 private:
  void begin();
  bool fill();
  void hash_to(std::size_t at);

  std::string path_;
  int fd_ = -1;
  std::uint64_t file_bytes_ = 0;
  bool is_at_end_ = false;
  std::string buffer_;
  std::size_t size_ = 0;       // of the buffer, what is filled
  std::size_t at_ = 0;         // in the buffer: the next line
  std::size_t line_at_ = 0;    // the last line
  std::size_t hashed_at_ = 0;  // bytes of the buffer that are in the digest; never behind line_at_
  std::uint64_t offset_ = 0;
  std::uint64_t line_offset_ = 0;
  std::uint64_t line_number_ = 0;
  Digest digest_;
};

}  // namespace stator::client
