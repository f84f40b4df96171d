// The segment files of a log that is open: where commits are written, and when a file begins or
// goes. local_log.h says when what is written.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/thread_role.h"
#include "io/file_system.h"
#include "wal/block_buffer.h"
#include "wal/commit_codec.h"
#include "wal/key_ring.h"
#include "wal/local_log.h"
#include "wal/recovery.h"
#include "wal/segment_maker.h"

namespace stator::wal {

// Batches that are written and synced together, behind room for the commit's header.
struct Commit {
  BlockBuffer bytes;
  LogPosition begin;
  std::uint64_t begin_ms = 0;  // of its first batch
  Lsn last;
  std::optional<KeyId> key;  // that it is sealed with; nothing: it stays plain
  bool empty() const { return bytes.empty(); }
};

// The files: everything here happens on the opening thread until the writer starts, on the writer's
// from then on. After an error other than kDiskFull nothing more may be written.
class SegmentWriter {
 public:
  SegmentWriter(io::FileSystem& files, const LocalLogOptions& options)
      : files_(files),
        options_(options),
        maker_(files, options.directory, options.segment_bytes, options.is_made_ahead) {}

  Status begin(RecoveredLog recovered) STATOR_ON(log_writer);
  // The whole commit, written and synced. kDiskFull: nothing happened, it may be tried again.
  Status write(Commit& commit) STATOR_ON(log_writer);
  // The first record of the oldest segment. Any thread.
  Lsn oldest() const { return Lsn{oldest_.load(std::memory_order_acquire)}; }
  // write() needs no new segment for it.
  bool has_room(const Commit& commit) const {
    return commit.key == codec_->key_id() && offset_ + block_end(commit.bytes.size()) <= end_;
  }
  // Any thread.
  std::vector<LogPart> parts() const {
    const std::lock_guard lock(parts_mutex_);
    return parts_;
  }
  void trim(Lsn to, Lsn durable) STATOR_ON(log_writer);
  // Frees what space there is to free at once: files that are kept for later, else the oldest
  // segment, if all its records are below `to`, which are durable. False: nothing.
  bool give_back(Lsn to) STATOR_ON(log_writer);

 private:
  Status make_room(const Commit& commit) STATOR_ON(log_writer);
  // Lets the log go on at `position` in a file with room for `bytes` of a commit.
  Status add_segment(const LogPosition& position, std::size_t bytes, std::optional<KeyId> key)
      STATOR_ON(log_writer);
  Status open_last() STATOR_ON(log_writer);
  bool is_oldest_below(Lsn to) const;  // and there is a later one
  bool remove_oldest(bool may_keep) STATOR_ON(log_writer);
  // Whether a segment's file may become a later one.
  bool may_keep(const std::string& path);
  Status note_parts(Lsn durable) STATOR_ON(log_writer);
  // Bytes of a segment behind one of `before` bytes.
  std::size_t next_size(std::size_t before, std::size_t commit) const;

  io::FileSystem& files_;
  const LocalLogOptions options_;
  std::vector<Segment> segments_;
  std::atomic<std::uint64_t> oldest_{1};
  mutable std::mutex parts_mutex_;
  std::vector<LogPart> parts_;        // of segments_
  std::unique_ptr<io::File> file_;    // of the last segment
  std::uint64_t offset_ = 0;          // where the next commit goes
  std::uint64_t end_ = 0;             // of the last segment's space
  std::optional<CommitCodec> codec_;  // of the last segment
  SegmentMaker maker_;
};

}  // namespace stator::wal
