#include "wal/recovery.h"

#include <algorithm>

#include "base/log.h"

namespace stator::wal {
namespace {

class Recovery {
 public:
  Recovery(io::FileSystem& files, const LocalLogOptions& options)
      : files_(files), options_(options) {}

  Result<RecoveredLog> run();

 private:
  Status find_segments();
  // The segment that holds the record before oldest_needed, for its position; nobody looks at
  // those before it, whose records are in the stores.
  std::size_t first_needed() const;
  Status check_bounds();
  Status take(std::size_t index);
  Status take_header(std::size_t index, ByteView bytes);
  Status end_of_last(const Segment& segment, ByteView bytes, const SegmentEnd& end);
  Error damaged(const Segment& segment, std::size_t offset, const std::string& reason) const;

  io::FileSystem& files_;
  const LocalLogOptions& options_;
  RecoveredLog log_;
  std::size_t begin_ = 0;  // index of the first needed segment
};

Error Recovery::damaged(const Segment& segment, std::size_t offset,
                        const std::string& reason) const {
  return Error(ErrorCode::kCorrupted, "the log is damaged: segment " + segment.path + ", offset " +
                                          std::to_string(offset) + ": " + reason +
                                          "; the last good LSN is " +
                                          std::to_string(log_.position.next.value() - 1));
}

Status Recovery::find_segments() {
  STATOR_TRY(const std::vector<std::string> names, files_.list(options_.directory));
  for (const std::string& name : names) {
    const std::string path = options_.directory + "/" + name;
    const auto first = first_lsn_of(name);
    if (name == kNextSegmentName) continue;
    if (first) {
      log_.segments.push_back({*first, path});
    } else {
      log::warn("not a segment of the log, ignored: " + path);
    }
  }
  return ok_status();
}

std::size_t Recovery::first_needed() const {
  std::size_t index = 0;
  while (index + 1 < log_.segments.size() &&
         log_.segments[index + 1].first.value() < options_.oldest_needed) {
    ++index;
  }
  return index;
}

// The base holds every record before oldest_needed, the log must hold the others.
Status Recovery::check_bounds() {
  const std::uint64_t first = log_.segments.empty() ? 1 : log_.segments[begin_].first.value();
  if (first > std::max<std::uint64_t>(options_.oldest_needed, 1)) {
    return Error(ErrorCode::kCorrupted, "the log in " + options_.directory + " begins at LSN " +
                                            std::to_string(first) + ", but records from LSN " +
                                            std::to_string(options_.oldest_needed) +
                                            " on are needed");
  }
  if (log_.position.next.value() < options_.oldest_needed) {
    return Error(ErrorCode::kCorrupted, "the log in " + options_.directory + " ends with LSN " +
                                            std::to_string(log_.position.next.value() - 1) +
                                            ", but the stores hold records up to LSN " +
                                            std::to_string(options_.oldest_needed - 1));
  }
  return ok_status();
}

Status Recovery::take_header(std::size_t index, ByteView bytes) {
  const Segment& segment = log_.segments[index];
  auto header = read_segment_header(bytes);
  if (!header.ok()) return damaged(segment, 0, header.error().sentence());
  if (index == begin_) {
    // Nothing before it is looked at: the name and the header's checksum vouch for this position.
    log_.position = header.value();
  }
  if (header.value().next != segment.first || segment.first != log_.position.next) {
    return damaged(segment, 0,
                   "the segment begins at LSN " + std::to_string(header.value().next.value()));
  }
  if (header.value().chain != log_.position.chain) {
    return damaged(segment, 0, "the segment continues another log");
  }
  return ok_status();
}

Status Recovery::end_of_last(const Segment& segment, ByteView bytes, const SegmentEnd& end) {
  log_.offset = end.offset;
  if (end.is_clean) return ok_status();
  if (end.is_foreign) return damaged(segment, end.offset, end.reason);
  const auto later = find_later_commit(bytes, end.offset, log_.position.next);
  if (later) {
    return damaged(segment, end.offset,
                   end.reason + "; a later commit follows at offset " + std::to_string(*later));
  }
  log::warn("cut the torn tail of the log: segment " + segment.path + ", offset " +
            std::to_string(end.offset) + ": " + end.reason + "; the last good LSN is " +
            std::to_string(log_.position.next.value() - 1));
  // Zeros, not a shorter file: its blocks stay written, so the next commit only overwrites them.
  const std::size_t last = bytes.find_last_not_of('\0');
  STATOR_TRY(const std::unique_ptr<io::File> file, files_.open(segment.path));
  STATOR_CHECK(file->write_at(end.offset, std::string(last + 1 - end.offset, '\0')));
  log_.offset = block_end(end.offset);
  return file->sync();
}

Status Recovery::take(std::size_t index) {
  const Segment segment = log_.segments[index];
  const bool is_last = index + 1 == log_.segments.size();
  STATOR_TRY(const std::string bytes, io::read_file(files_, segment.path));
  STATOR_CHECK(take_header(index, bytes));
  STATOR_TRY(const SegmentEnd end,
             walk_segment(bytes, log_.position, [](BatchReader&, std::size_t) { return ok_status(); }));
  if (is_last) return end_of_last(segment, bytes, end);
  log_.offset = end.offset;
  // The log went on in the next segment only when all of this one was durable.
  const Lsn next = log_.segments[index + 1].first;
  if (!end.is_clean) return damaged(segment, end.offset, end.reason);
  if (log_.position.next != next) {
    return damaged(
        segment, end.offset,
        "records are missing, the next segment begins at LSN " + std::to_string(next.value()));
  }
  return ok_status();
}

Result<RecoveredLog> Recovery::run() {
  STATOR_CHECK(files_.make_directory(options_.directory));
  STATOR_CHECK(find_segments());
  const std::size_t count = log_.segments.size();
  begin_ = first_needed();
  for (std::size_t i = begin_; i < count; ++i) STATOR_CHECK(take(i));
  STATOR_CHECK(check_bounds());
  return std::move(log_);
}

}  // namespace

Result<RecoveredLog> recover_log(io::FileSystem& files, const LocalLogOptions& options) {
  return Recovery(files, options).run();
}

}  // namespace stator::wal
