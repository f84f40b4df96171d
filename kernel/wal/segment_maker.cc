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

SegmentMaker::SegmentMaker(io::FileSystem& files, std::string directory, bool is_ahead)
    : files_(files),
      directory_(std::move(directory)),
      path_(directory_ + "/" + kNextSegmentName),
      is_ahead_(is_ahead) {
  if (is_ahead_) thread_ = io::Thread("wal-ahead", [this] { run(); });
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

Status SegmentMaker::make(std::size_t bytes) {
  STATOR_CHECK(files_.remove(path_));
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
