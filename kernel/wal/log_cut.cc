#include "wal/log_cut.h"

#include <algorithm>

#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

Error refused(std::string sentence) {
  return Error(ErrorCode::kBadRequest, "to", std::move(sentence));
}

std::string number(Lsn lsn) { return std::to_string(lsn.value()); }

Status check_reach(const LogCheck& log, const CheckOptions& options, Lsn to) {
  if (to.value() < options.newest_held) {
    return refused("the log cannot be cut to LSN " + number(to) +
                   ": the stores hold records up to LSN " + std::to_string(options.newest_held));
  }
  if (to <= log.last_good()) return ok_status();
  return refused("the log cannot be cut to LSN " + number(to) + ": it " +
                 (log.damage ? "is damaged behind" : "ends with") + " LSN " +
                 number(log.last_good()));
}

// Where the segments lie tells what goes, and a stray one lies in the wrong place.
Status check_stray(const LogCheck& log) {
  if (!log.damage || !log.damage->is_stray) return ok_status();
  return refused("nothing is cut as long as " + log.damage->path +
                 " is there: " + log.damage->reason);
}

Lsn last_of(const BatchReader& batch) {
  return Lsn{batch.seal().first.value() + batch.count() - 1};
}

// Finds where the batch ends whose last record is `plan.to`.
Status plan_end(SegmentReader& reader, CutPlan& plan) {
  std::uint64_t commit = 0;  // the last one with a batch that is kept
  std::uint64_t offset = io::kBlockBytes;
  LogPosition position = reader.begin();
  Lsn last{position.next.value() - 1};  // of the batches that are kept
  STATOR_TRY(const SegmentEnd end, reader.walk(position, [&](BatchReader& batch, std::size_t at) {
    if (last_of(batch) > plan.to) {
      plan.is_inside_commit = plan.is_inside_commit || at == commit;
      return ok_status();
    }
    offset = (at == commit ? offset : at + kCommitHeaderBytes) + batch.size();
    commit = at;
    last = last_of(batch);
    return ok_status();
  }));
  static_cast<void>(end);  // what follows is cut off
  if (last != plan.to) {
    return refused("LSN " + number(plan.to) +
                   " is inside a batch, which is there as a whole or not at all; the nearest "
                   "end of a batch below is LSN " +
                   number(last));
  }
  plan.offset = plan.is_inside_commit ? offset : block_end(offset);
  const std::uint64_t first_cut = plan.is_inside_commit ? commit : plan.offset;
  STATOR_TRY(const std::size_t end_of_commits, reader.end_of_commits(first_cut));
  plan.end = std::max<std::uint64_t>(plan.offset, end_of_commits);
  return ok_status();
}

// Of a segment that begins behind the cut: whether it can be the last one, without any batch.
bool has_header(const LogCheck& log, const Segment& segment) {
  return !log.damage || log.damage->path != segment.path || log.damage->offset != 0;
}

Status plan_kept(io::FileSystem& files, const Segment& segment, const KeyRing* keys,
                 CutPlan& plan) {
  plan.kept = segment.path;
  STATOR_TRY(const std::string bytes, io::read_file(files, plan.kept));
  STATOR_TRY(SegmentReader reader, SegmentReader::open(bytes, plan.kept, keys));
  plan.keys = keys;
  return plan_end(reader, plan);
}

bool must_begin_anew(Result<LogCheck>& log, const CheckOptions& options, Lsn to) {
  if (!options.is_all_held() || to.value() != options.newest_held) return false;
  if (!log.ok()) return log.error().code() == ErrorCode::kCorrupted;
  return log.value().last_good() < to || !log.value().has_beginning();
}

// What cannot be read counts as a whole.
Status plan_removed(io::FileSystem& files, const KeyRing* keys, CutPlan& plan) {
  for (const Segment& segment : plan.removed) {
    STATOR_TRY(const std::string bytes, io::read_file(files, segment.path));
    auto reader = SegmentReader::open(bytes, segment.path, keys);
    if (!reader.ok()) {
      plan.removed_bytes += bytes.size();
      continue;
    }
    STATOR_TRY(const std::size_t end, reader.value().end_of_commits(0));
    plan.removed_bytes += std::max(io::kBlockBytes, end);
  }
  return ok_status();
}

// A segment without any batch behind `to`. It says where the log begins, so its chain is a new one.
Status begin_anew(io::FileSystem& files, const CutPlan& plan) {
  const LogPosition position{.next = Lsn{plan.to.value() + 1}, .chain = 0};
  std::string header = new_segment(position, {}).header;
  header.resize(io::kBlockBytes);
  return io::write_file_durably(files, plan.directory + "/" + segment_name(position.next), header);
}

// The kept segment without what is behind `plan.to`, under a header and with seals of its own: a
// commit of which a part goes is sealed again, and never in its old place, where a power cut could
// leave half of it.
Result<std::string> shortened(ByteView segment, const CutPlan& plan) {
  STATOR_TRY(SegmentReader reader, SegmentReader::open(segment, plan.kept, plan.keys));
  std::optional<SegmentKey> key;
  if (reader.key()) key = SegmentKey{*reader.key(), *plan.keys->find(*reader.key())};
  NewSegment fresh = new_segment(reader.begin(), key);
  std::string bytes = std::move(fresh.header);
  bytes.resize(io::kBlockBytes);
  std::size_t commit = 0;  // that is being filled, at its old offset
  Lsn first;
  const auto finish_commit = [&] {
    if (commit == 0) return;
    fresh.codec.seal(bytes.data() + commit, bytes.size() - commit, first, commit);
    bytes.resize(block_end(bytes.size()));
  };
  LogPosition position = reader.begin();
  STATOR_TRY(const SegmentEnd end, reader.walk(position, [&](BatchReader& batch, std::size_t at) {
    if (last_of(batch) > plan.to) return ok_status();
    if (at != commit) {
      finish_commit();
      commit = at;
      first = batch.seal().first;
      bytes.resize(at + kCommitHeaderBytes);
    }
    bytes.append(batch.bytes());
    return ok_status();
  }));
  static_cast<void>(end);  // what follows is cut off
  finish_commit();
  return bytes;
}

}  // namespace

std::string CutPlan::dropped() const {
  return std::to_string(bytes()) + " bytes, " + std::to_string(removed.size()) +
         " whole segments among them";
}

Result<CutPlan> plan_cut(io::FileSystem& files, const CheckOptions& options, Lsn to) {
  auto checked = check_log(files, options);
  if (checked.ok()) STATOR_CHECK(check_stray(checked.value()));
  CutPlan plan;
  plan.directory = options.directory;
  plan.to = to;
  if (must_begin_anew(checked, options, to)) {
    plan.begins_anew = true;
    STATOR_TRY(plan.removed, find_segments(files, options.directory));
    STATOR_CHECK(plan_removed(files, options.keys, plan));
    return plan;
  }
  if (!checked.ok()) return std::move(checked.error());
  const LogCheck& log = checked.value();
  STATOR_CHECK(check_reach(log, options, to));
  if (log.segments.empty()) return plan;
  const auto kept =
      std::find_if(log.segments.rbegin(), log.segments.rend(), [&](const Segment& segment) {
        return segment.first <= to ||
               (segment.first.value() == to.value() + 1 && has_header(log, segment));
      });
  const auto index =
      static_cast<std::size_t>(log.segments.rend() - kept);  // of the first one to remove
  plan.removed.assign(log.segments.begin() + static_cast<std::ptrdiff_t>(index),
                      log.segments.end());
  if (index == 0 && to > Lsn{0}) {
    return refused("the log cannot be cut to LSN " + number(to) + ": it begins with LSN " +
                   number(log.segments.front().first));
  }
  if (index != 0) STATOR_CHECK(plan_kept(files, *kept, options.keys, plan));
  STATOR_CHECK(plan_removed(files, options.keys, plan));
  return plan;
}

Status cut_log(io::FileSystem& files, const CutPlan& plan) {
  for (auto segment = plan.removed.rbegin(); segment != plan.removed.rend(); ++segment) {
    STATOR_CHECK(files.remove(segment->path));
    STATOR_CHECK(files.sync_directory(plan.directory));
  }
  if (plan.begins_anew) return begin_anew(files, plan);
  if (plan.end == plan.offset) return ok_status();
  if (plan.is_inside_commit) {
    STATOR_TRY(const std::string segment, io::read_file(files, plan.kept));
    STATOR_TRY(const std::string kept, shortened(segment, plan));
    return io::write_file_durably(files, plan.kept, kept);
  }
  STATOR_TRY(const std::unique_ptr<io::File> file, files.open(plan.kept));
  STATOR_CHECK(file->write_at(plan.offset, std::string(plan.end - plan.offset, '\0')));
  return file->sync();
}

}  // namespace stator::wal
