#include "control/audit/audit_log.h"

#include "base/log.h"
#include "base/thread_role.h"

namespace stator::audit {
namespace {

constexpr const char* kHead = "/HEAD";

// Of the newest file; empty when there is none.
Result<std::string> newest_file(io::FileSystem& files, const std::string& directory) {
  STATOR_TRY(const std::vector<std::string> names, files.list(directory));
  std::string newest;
  std::uint64_t sequence = 0;
  for (const std::string& name : names) {
    if (parse_file_name(name, sequence)) newest = name;  // sorted
  }
  return newest;
}

Error damaged(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kCorrupted, path + ": " + why + "; statord audit verify looks at the whole log");
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(io::FileSystem& files, Clock& clock, AuditOptions options) {
  STATOR_CHECK(files.make_directory(options.directory));
  auto log = std::make_unique<AuditLog>(files, clock, std::move(options));
  STATOR_CHECK(log->open_last());
  log->synced_ = log->last_.sequence;
  log->thread_ = io::Thread("audit", [raw = log.get()] {
    const ActsAs role(threads::background);
    raw->sync_loop();
  });
  return log;
}

AuditLog::~AuditLog() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// The chain goes on behind the newest file's last line; that file's first line is taken as it is, for
// the files before it are verify's to read.
Status AuditLog::open_last() {
  Position head;
  STATOR_TRY(const bool has_head, files_.exists(options_.directory + kHead));
  if (has_head) {
    STATOR_TRY(const std::string text, io::read_file(files_, options_.directory + kHead));
    STATOR_TRY(head, read_head(text));
  }
  STATOR_TRY(const std::string name, newest_file(files_, options_.directory));
  if (name.empty()) {
    if (has_head) return damaged(options_.directory, "HEAD is there and the log is not");
    return begin_file(1);
  }
  const std::string path = options_.directory + "/" + name;
  STATOR_TRY(const std::string text, io::read_file(files_, path));
  STATOR_TRY(file_, files_.open(path));
  std::uint64_t first = 0;
  parse_file_name(name, first);
  last_.sequence = first - 1;
  std::size_t at = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; at = end + 1, end = text.find('\n', at)) {
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (at == 0) {  // the hash before it stands in the line itself
      const std::size_t key = line.find(R"(,"prev":")");
      if (key != std::string_view::npos) last_.hash = line.substr(key + 9, 64);
    }
    if (auto status = follow(last_, line); !status.ok()) return damaged(path, status.error().sentence());
  }
  file_end_ = at;
  if (last_.sequence < head.sequence) return damaged(path, "it ends before HEAD: lines were cut off");
  return at == text.size() ? ok_status() : cut_tail(path, text);
}

// A line without an end, behind all that HEAD knows to be synced: a power cut.
Status AuditLog::cut_tail(const std::string& path, const std::string& text) {
  log::warn("audit: the last line of " + path + " is not whole and is cut off");
  STATOR_CHECK(file_->truncate(file_end_));
  const std::string details = R"({"bytes":)" + std::to_string(text.size() - file_end_) + "}";
  const std::lock_guard lock(mutex_);
  return write({.event = "tail_cut", .details = details, .outcome = "ok"});
}

Status AuditLog::begin_file(std::uint64_t first_sequence) {
  STATOR_TRY(file_, files_.create(options_.directory + "/" + file_name(first_sequence)));
  file_end_ = 0;
  return files_.sync_directory(options_.directory);
}

// Before a line is made: the lock is let go here.
Status AuditLog::make_room(std::unique_lock<std::mutex>& lock) {
  wake_.wait(lock, [this] { return file_end_ < options_.file_bytes || !is_syncing_; });
  if (file_end_ < options_.file_bytes) return ok_status();
  STATOR_CHECK(file_->sync());
  return begin_file(last_.sequence + 1);
}

Status AuditLog::write(const Event& event) {
  Position next = last_;
  const std::string line = make_line(next, clock_.wall_ms(), event) + "\n";
  STATOR_CHECK(file_->write_at(file_end_, line));
  last_ = std::move(next);
  file_end_ += line.size();
  wake_.notify_all();
  return ok_status();
}

void AuditLog::append(const Event& event) {
  std::unique_lock lock(mutex_);
  if (!is_writable()) {
    ++lost_;
    return;
  }
  Status written = make_room(lock);
  if (written.ok()) written = write(event);
  if (written.ok()) return;
  ++lost_;
  fail(std::move(written.error()));
}

// A disk that was full takes lines again when there is space; the first one says how many are missing.
bool AuditLog::is_writable() {
  if (failure_.ok()) return true;
  if (failure_.error().code() != ErrorCode::kDiskFull) return false;
  const std::string details = R"({"lines":)" + std::to_string(lost_) + "}";
  if (!write({.event = "lost", .details = details, .outcome = "disk_full"}).ok()) return false;
  log::info("audit: the disk has space again");
  lost_ = 0;
  failure_ = ok_status();
  return true;
}

void AuditLog::fail(Error error) {
  log::error("audit: " + error.sentence() + "; administrative ops are refused " +
             (error.code() == ErrorCode::kDiskFull ? "until it has space" : "from now on"));
  failure_ = Status(std::move(error));
}

Status AuditLog::check() {
  const std::lock_guard lock(mutex_);
  if (is_writable()) return ok_status();
  return Error(failure_.error().code(), "the audit log cannot be written: " + failure_.error().sentence());
}

void AuditLog::sync_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return is_stopping_ || (synced_ < last_.sequence && failure_.ok()); });
    if (synced_ == last_.sequence || !failure_.ok()) {
      if (is_stopping_) return;
      continue;
    }
    const Position position = last_;
    is_syncing_ = true;
    lock.unlock();
    Status status = file_->sync();
    if (status.ok()) status = io::write_file_durably(files_, options_.directory + kHead, write_head(position));
    lock.lock();
    is_syncing_ = false;
    synced_ = position.sequence;
    if (!status.ok()) fail(std::move(status.error()));
    wake_.notify_all();
  }
}

}  // namespace stator::audit
