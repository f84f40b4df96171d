// Reads a local log's segments while they are written and trimmed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/file_system.h"
#include "wal/log_reader.h"
#include "wal/segment_reader.h"

namespace stator::wal {

class LocalLogReader final : public LogReader {
 public:
  // `durable` tells the log's; it is called on the reader's thread.
  LocalLogReader(io::FileSystem& files, std::string directory, Lsn from,
                 std::function<Lsn()> durable)
      : files_(files),
        directory_(std::move(directory)),
        position_(from),
        durable_(std::move(durable)) {}

  Result<Step> next() override;
  BatchReader& batch() override { return *batch_; }
  Lsn position() const override { return position_; }

 private:
  // The segment that holds the record at position_; false: it is trimmed.
  Result<bool> open_segment();
  Result<bool> take(Lsn durable);

  io::FileSystem& files_;
  const std::string directory_;
  Lsn position_;
  const std::function<Lsn()> durable_;
  std::unique_ptr<SegmentReader> segment_;
  std::optional<BatchReader> batch_;
  std::optional<std::uint64_t> chain_;  // of the last batch that was given
};

}  // namespace stator::wal
