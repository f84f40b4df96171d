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

struct CommitPlace {
  std::uint64_t offset = 0;
  Lsn last;
};

Result<std::vector<CommitPlace>> commits_of(SegmentReader& reader, std::uint64_t& end) {
  std::vector<CommitPlace> commits;
  LogPosition position = reader.begin();
  STATOR_TRY(const SegmentEnd walked,
             reader.walk(position, [&](BatchReader& batch, std::size_t at) {
               if (commits.empty() || commits.back().offset != at) commits.push_back({at, {}});
               commits.back().last = Lsn{batch.seal().first.value() + batch.count() - 1};
               return ok_status();
             }));
  end = walked.offset;
  return commits;
}

// Of the commit behind the one whose last record is `to`.
Result<std::uint64_t> offset_behind(SegmentReader& reader, Lsn to) {
  std::uint64_t offset = io::kBlockBytes;
  STATOR_TRY(const std::vector<CommitPlace> commits, commits_of(reader, offset));
  const auto behind = std::find_if(commits.begin(), commits.end(),
                                   [&](const CommitPlace& commit) { return commit.last > to; });
  if (behind != commits.end()) offset = behind->offset;
  const Lsn last =
      behind == commits.begin() ? Lsn{reader.begin().next.value() - 1} : std::prev(behind)->last;
  if (last == to) return offset;
  return refused("LSN " + number(to) +
                 " is inside a commit, which is there as a whole or not at all; the nearest end of "
                 "a commit below is LSN " +
                 number(last));
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
  STATOR_TRY(plan.offset, offset_behind(reader, plan.to));
  plan.end = std::max<std::uint64_t>(plan.offset, reader.end_of_commits(plan.offset));
  return ok_status();
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
    plan.removed_bytes +=
        reader.ok() ? std::max(io::kBlockBytes, reader.value().end_of_commits(0)) : bytes.size();
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

}  // namespace

std::string CutPlan::dropped() const {
  return std::to_string(bytes()) + " bytes, " + std::to_string(removed.size()) +
         " whole segments among them";
}

Result<CutPlan> plan_cut(io::FileSystem& files, const CheckOptions& options, Lsn to) {
  auto checked = check_log(files, options);
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
  STATOR_TRY(const std::unique_ptr<io::File> file, files.open(plan.kept));
  STATOR_CHECK(file->write_at(plan.offset, std::string(plan.end - plan.offset, '\0')));
  return file->sync();
}

}  // namespace stator::wal
