#include "wal/segment_maker.h"

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "wal/block_buffer.h"
#include "wal/segment.h"

namespace stator::wal {
namespace {

// Commits go to the same disk: between two pieces they have their turn.
constexpr std::size_t kPieceBytes = 1024 * 1024;

}  // namespace

SegmentMaker::SegmentMaker(io::FileSystem& files, std::string directory, std::size_t full_bytes,
                           bool is_ahead)
    : files_(files),
      directory_(std::move(directory)),
      path_(directory_ + "/" + kNextSegmentName),
      full_bytes_(full_bytes),
      is_ahead_(is_ahead) {
  if (!is_ahead_) return;
  thread_ = io::Thread("wal-ahead", [this] {
    const ActsAs role(threads::background);
    run();
  });
}

SegmentMaker::~SegmentMaker() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (is_ahead_) thread_.join();
}

void SegmentMaker::prepare(std::size_t bytes) {
  if (!is_ahead_) return;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kNone) return;
    state_ = State::kWanted;
    bytes_ = bytes;
  }
  changed_.notify_all();
}

Result<std::size_t> SegmentMaker::take(std::size_t bytes) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ != State::kWanted && state_ != State::kMaking; });
    const bool is_usable = state_ == State::kReady && bytes_ >= bytes;
    state_ = State::kNone;
    if (is_usable) return bytes_;
  }
  STATOR_CHECK(make(bytes));
  return bytes;
}

void SegmentMaker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return state_ == State::kWanted || is_stopping_; });
    if (is_stopping_) return;
    state_ = State::kMaking;
    const std::size_t bytes = bytes_;
    lock.unlock();
    const Status made = make(bytes);
    lock.lock();
    // An error is no news here: whoever needs the segment will meet it and say so.
    state_ = made.ok() ? State::kReady : State::kFailed;
    changed_.notify_all();
  }
}

std::vector<std::string> SegmentMaker::kept_paths() const {
  std::vector<std::string> paths;
  for (const char* name : kKeptSegmentNames) paths.push_back(directory_ + "/" + name);
  return paths;
}

Status SegmentMaker::begin() {
  for (const std::string& path : kept_paths()) {
    STATOR_TRY(const bool is_there, files_.exists(path));
    if (is_there) STATOR_CHECK(files_.remove(path));
  }
  STATOR_TRY(const std::vector<std::string> names, files_.list(directory_));
  for (const std::string& name : names) {
    if (name.ends_with(".wal.new")) STATOR_CHECK(files_.remove(directory_ + "/" + name));
  }
  return ok_status();
}

bool SegmentMaker::drop_kept() {
  bool is_dropped = false;
  for (const std::string& path : kept_paths()) {
    auto is_there = files_.exists(path);
    if (is_there.ok() && is_there.value() && files_.remove(path).ok()) is_dropped = true;
  }
  return is_dropped;
}

Status SegmentMaker::take_over(const std::string& segment, bool may_keep) {
  std::uint64_t size = 0;
  {
    STATOR_TRY(const std::unique_ptr<io::File> file, files_.open(segment));
    STATOR_TRY(size, file->size());
  }
  std::string kept;
  for (const std::string& path : kept_paths()) {
    STATOR_TRY(const bool is_there, files_.exists(path));
    if (!is_there && kept.empty()) kept = path;
  }
  const bool is_kept = may_keep && size == full_bytes_ && !kept.empty();
  STATOR_CHECK(is_kept ? files_.rename(segment, kept) : files_.remove(segment));
  return files_.sync_directory(directory_);
}

Result<bool> SegmentMaker::take_kept(std::size_t bytes) {
  if (bytes != full_bytes_) return false;
  for (const std::string& path : kept_paths()) {
    STATOR_TRY(const bool is_there, files_.exists(path));
    if (!is_there) continue;
    STATOR_CHECK(files_.rename(path, path_));
    return true;
  }
  return false;
}

Status SegmentMaker::make(std::size_t bytes) {
  STATOR_CHECK(files_.remove(path_));
  STATOR_TRY(const bool is_taken, take_kept(bytes));
  return is_taken ? ok_status() : make_new(bytes);
}

Status SegmentMaker::make_new(std::size_t bytes) {
  STATOR_TRY(std::unique_ptr<io::File> created, files_.create(path_));
  Status written = created->allocate(bytes);
  created.reset();
  BlockBuffer zeros;
  zeros.resize(std::min(bytes, kPieceBytes));
  auto file = files_.open_durable(path_);
  if (!file.ok()) return std::move(file.error());
  for (std::size_t at = 0; written.ok() && at < bytes; at += kPieceBytes) {
    written = file.value()->write_at(at, zeros.view().substr(0, std::min(kPieceBytes, bytes - at)));
  }
  if (!written.ok()) {
    file.value().reset();
    STATOR_CHECK(files_.remove(path_));
  }
  return written;
}

}  // namespace stator::wal
