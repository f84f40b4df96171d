// Making and reading logs in tests.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "unit/kernel/io/faulty_file_system.h"
#include "wal/local_log.h"
#include "wal/segment_reader.h"

namespace stator::wal {

inline BatchBuilder batch_of(const std::vector<std::string>& payloads) {
  BatchBuilder batch;
  for (const std::string& payload : payloads) {
    const Status added = batch.add({.engine = EngineNumber{7},
                                    .type = 3,
                                    .tenant = TenantId{5},
                                    .vshard = VShardId{9},
                                    .collection = "c",
                                    .payload = payload});
    STATOR_ASSERT(added.ok());
  }
  return batch;
}

// Payloads by LSN, from `from` on; every LSN must follow on the one before.
inline Result<std::vector<std::string>> read_all(Log& log, Lsn from = Lsn{1}) {
  std::vector<std::string> payloads;
  Lsn expected = from;
  Status status = read_durable(log, from, [&](const RecordView& record, Lsn lsn, std::uint64_t) -> Status {
    if (lsn != expected) return Error(ErrorCode::kInternal, "a gap in the LSNs");
    expected = Lsn{expected.value() + 1};
    payloads.emplace_back(record.payload);
    return ok_status();
  });
  if (!status.ok()) return std::move(status.error());
  return payloads;
}

// Waits for what a log's listener tells.
class LogWaiter {
 public:
  explicit LogWaiter(Log& log) : log_(log) {
    log.set_listener([told = told_] {
      const std::lock_guard lock(told->mutex);
      told->condition.notify_all();
    });
  }
  // True when it became durable, false when the log failed first.
  bool wait_durable(Lsn lsn) {
    log_.flush();
    std::unique_lock lock(told_->mutex);
    told_->condition.wait(lock, [&] {
      Status health = log_.health();
      const bool is_failed = !health.ok() && health.error().code() != ErrorCode::kDiskFull;
      return log_.durable() >= lsn || is_failed;
    });
    return log_.durable() >= lsn;
  }

 private:
  // The log may still be about to tell what was seen already, when the waiter is gone.
  struct Told {
    std::mutex mutex;
    std::condition_variable condition;
  };
  Log& log_;
  std::shared_ptr<Told> told_ = std::make_shared<Told>();
};

inline constexpr const char* kDirectory = "/wal";

// Room for one commit of a block, for fifteen of them.
inline constexpr std::size_t kSmallSegment = 2 * io::kBlockBytes;
inline constexpr std::size_t kLargeSegment = 16 * io::kBlockBytes;

// Keys 1..3, of which `active` is used (0: none).
inline void activate(KeyRing& keys, unsigned active) {
  std::string text =
      "active " + (active == 0 ? std::string("none") : std::to_string(active)) + "\n";
  for (const char number : {'1', '2', '3'}) {
    text += std::string(1, number) + " " + std::string(64, number) + "\n";
  }
  const Status taken = keys.take(text, "/keys");
  STATOR_ASSERT(taken.ok());
}

inline Result<std::unique_ptr<Log>> open_small_log(io::FileSystem& files,
                                                   std::size_t segment_bytes = kLargeSegment,
                                                   std::uint64_t oldest_needed = 1,
                                                   const KeyRing* keys = nullptr) {
  return open_local_log(files, {.directory = kDirectory,
                                .segment_bytes = segment_bytes,
                                .oldest_needed = oldest_needed,
                                .is_made_ahead = false,
                                .keys = keys});
}

// Every entry of `commits` in a commit of its own.
inline void write_commits(io::FileSystem& files,
                          const std::vector<std::vector<std::string>>& commits,
                          std::size_t segment_bytes = kLargeSegment,
                          const KeyRing* keys = nullptr) {
  const auto log = open_small_log(files, segment_bytes, 1, keys).take();
  LogWaiter waiter(*log);
  for (const auto& payloads : commits) {
    BatchBuilder batch = batch_of(payloads);
    STATOR_ASSERT(log->append(batch, 1).ok());
    STATOR_ASSERT(waiter.wait_durable(log->last()));
  }
  log->close();
}

// Where a commit begins and ends.
struct Place {
  std::size_t begin = 0;
  std::size_t end = 0;
};

inline std::vector<Place> places_of(const std::string& segment, const KeyRing* keys = nullptr) {
  std::vector<Place> places;
  SegmentReader reader = SegmentReader::open(segment, "", keys).take();
  LogPosition position = reader.begin();
  auto walked = reader.walk(position, [&](BatchReader&, std::size_t offset) {
    if (places.empty() || places.back().begin != offset) places.push_back({offset, 0});
    return ok_status();
  });
  STATOR_ASSERT(walked.ok() && walked.value().is_clean);
  const CommitCodec codec = reader.take_codec();
  for (Place& place : places) {
    place.end = place.begin +
                codec.announced_size(ByteView(segment).substr(place.begin), place.begin).value();
  }
  return places;
}

}  // namespace stator::wal
