// The batches of one segment, in order, while it is being written: only bytes that were durable
// when they were read are looked at.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/file_system.h"
#include "wal/segment.h"

namespace stator::wal {

class SegmentReader {
 public:
  // Errors: kCorrupted, kUnsupported (its header), kStorage.
  static Result<std::unique_ptr<SegmentReader>> open(io::FileSystem& files,
                                                     const std::string& path);

  // Of a file whose header says `position`; open() is the way to get one.
  SegmentReader(std::unique_ptr<io::File> file, std::string path, const LogPosition& position)
      : file_(std::move(file)), path_(std::move(path)), position_(position) {}

  // The next batch; all records up to `durable` are on the disk, and position().next is among them.
  // Nothing: it is not in this file, the log went on in another one. Lent until the next call.
  Result<std::optional<BatchReader>> next(Lsn durable);
  const LogPosition& position() const { return position_; }  // of the next batch

 private:
  ByteView rest() const;
  bool is_at_zeros() const;
  bool is_read_to_end() const { return buffer_.size() < ahead_; }  // of the file
  Status fill(Lsn durable, std::size_t bytes);
  Status take(const BatchReader& batch);
  Error corrupted(const std::string& why) const;

  const std::unique_ptr<io::File> file_;
  const std::string path_;
  LogPosition position_;
  std::uint64_t offset_ = io::kBlockBytes;  // of the next batch, or of zeros before it
  std::string buffer_;                      // bytes of the file from buffer_at_ on
  std::uint64_t buffer_at_ = 0;
  Lsn buffer_durable_;     // when they were read
  std::size_t ahead_ = 0;  // how much was read the last time
};

}  // namespace stator::wal
