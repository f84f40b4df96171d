// Whole batches of a log outside of it, back to back: what a backup carries. A batch's bytes and
// its chain hash are the same everywhere, so a log that is built of copies continues as the first
// one would.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "io/file_system.h"
#include "wal/key_ring.h"
#include "wal/log.h"
#include "wal/segment.h"

namespace stator::wal {

// Where copied batches begin and end in their log.
struct CopiedRange {
  LogPosition begin;  // before the first
  LogPosition end;    // behind the last
};

using BatchSink = std::function<Status(const BatchReader&)>;

// Gives the batches that hold the records `from`..`to` to `sink`, in order. The log may be written
// meanwhile; `to` is durable and ends a batch. Any thread.
// Errors: kNotFound (the log begins behind `from`), the reader's, the sink's.
Result<CopiedRange> copy_batches(Log& log, Lsn from, Lsn to, const BatchSink& sink);

// The batches of a file that holds nothing else. Errors: kCorrupted with the offset, the sink's.
Status read_batches(io::File& file, const BatchSink& sink);

// Builds the segments of a new log, encrypted if `keys` has an active key.
class LogBuilder {
 public:
  LogBuilder(io::FileSystem& files, std::string directory, std::size_t segment_bytes,
             const KeyRing* keys = nullptr)
      : files_(files),
        directory_(std::move(directory)),
        segment_bytes_(segment_bytes),
        keys_(keys) {}

  // The directory is there and empty; the first batch continues `position`.
  Status begin(const LogPosition& position);
  // Error: kCorrupted if the batch does not continue the one before.
  Status add(const BatchReader& batch);
  // Everything survives a power cut when this returns ok.
  Status finish();
  const LogPosition& position() const { return position_; }

 private:
  Status add_segment();
  Status write_out();
  Status write(ByteView bytes);

  io::FileSystem& files_;
  const std::string directory_;
  const std::size_t segment_bytes_;
  const KeyRing* keys_;
  LogPosition position_;
  std::unique_ptr<io::File> file_;
  std::uint64_t written_ = 0;         // of the last segment
  std::optional<CommitCodec> codec_;  // of the last segment
  std::string buffer_;                // the commit that goes behind it, with room for its header
  Lsn buffer_first_;                  // of the records there
};

}  // namespace stator::wal
