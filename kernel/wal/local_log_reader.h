// Reads a local log's segments while they are written and trimmed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/file_system.h"
#include "wal/live_segment_reader.h"
#include "wal/log_reader.h"

namespace stator::wal {

// What a log tells its readers.
struct LogTail {
  explicit LogTail(std::uint64_t end) : durable(end) {}
  std::atomic<std::uint64_t> durable;
  std::atomic<std::uint64_t> generation{0};  // one more when durable records were discarded
};

class LocalLogReader final : public LogReader {
 public:
  // `keys` may be null.
  LocalLogReader(io::FileSystem& files, std::string directory, const KeyRing* keys, Lsn from,
                 const LogTail& tail)
      : files_(files),
        directory_(std::move(directory)),
        keys_(keys),
        position_(from),
        tail_(tail),
        generation_(tail.generation.load(std::memory_order_acquire)) {}

  Result<Step> next() override;
  BatchReader& batch() override { return *batch_; }
  Lsn position() const override { return position_; }

 private:
  // The segment that holds the record at position_; false: it is trimmed.
  Result<bool> open_segment();
  Result<bool> take(Lsn durable);
  Result<bool> is_trimmed();
  Result<bool> find(Lsn durable);
  Result<Step> step();

  io::FileSystem& files_;
  const std::string directory_;
  const KeyRing* const keys_;
  Lsn position_;
  const LogTail& tail_;
  const std::uint64_t generation_;  // of the log that it began to read
  std::unique_ptr<LiveSegmentReader> segment_;
  std::optional<BatchReader> batch_;
  std::optional<std::uint64_t> chain_;  // of the last batch that was given
};

}  // namespace stator::wal
