// The batches of one segment, in order, while it is being written: only bytes that were durable
// when they were read are looked at. segment_reader.h reads a segment that nobody writes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/byte_buffer.h"
#include "io/file_system.h"
#include "wal/commit_codec.h"
#include "wal/segment.h"

namespace stator::wal {

// One thread. Holds its file open: when the segment is trimmed meanwhile and the file becomes
// another one, what is read is no commit of this segment (its marks have another salt), or fails
// its checksum; the caller looks whether the name is still there before it believes an error.
class LiveSegmentReader {
 public:
  // `keys` may be null. Errors: kCorrupted, kUnsupported (its header, or the file is not the one
  // that its name says), kCrypto (its key is not at hand), kStorage.
  static Result<std::unique_ptr<LiveSegmentReader>> open(io::FileSystem& files,
                                                         const std::string& path,
                                                         const KeyRing* keys);

  // Of a file whose header was read; open() is the way to get one.
  LiveSegmentReader(std::unique_ptr<io::File> file, std::string path, const LogPosition& position,
                    CommitCodec codec)
      : file_(std::move(file)),
        path_(std::move(path)),
        position_(position),
        codec_(std::move(codec)) {}

  // The next batch; all records up to `durable` are on the disk, and position().next is among them.
  // Nothing: no commit of this segment goes on, so the log went on in another one. Lent until the
  // next call.
  Result<std::optional<BatchReader>> next(Lsn durable);
  const LogPosition& position() const { return position_; }  // of the next batch
  const std::string& path() const { return path_; }

 private:
  // Opens the commit at offset_ into batches_; false: none begins there.
  Result<bool> open_commit(Lsn durable);
  ByteView rest() const;                                           // what was read from offset_ on
  bool is_read_to_end() const { return buffer_.size() < ahead_; }  // of the file
  Status fill(Lsn durable, std::size_t bytes);
  Status take(const BatchReader& batch);
  Error corrupted(const std::string& why) const;

  const std::unique_ptr<io::File> file_;
  const std::string path_;
  LogPosition position_;
  CommitCodec codec_;
  std::uint64_t offset_ = io::kBlockBytes;  // of the next commit
  std::uint64_t commit_at_ = 0;             // of the one that is open, for messages
  ByteView batches_;                        // of the open commit, those that were not given yet
  ByteBuffer opened_;                       // that commit, if it was encrypted
  ByteBuffer buffer_;                       // bytes of the file from buffer_at_ on
  std::uint64_t buffer_at_ = 0;
  Lsn buffer_durable_;     // when they were read
  std::size_t ahead_ = 0;  // how much was read the last time
};

}  // namespace stator::wal
