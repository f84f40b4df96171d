#include "wal/local_log_reader.h"

#include <algorithm>
#include <utility>

namespace stator::wal {

Result<bool> LocalLogReader::open_segment() {
  segment_.reset();
  for (std::string missing;;) {
    STATOR_TRY(const std::vector<std::string> names, files_.list(directory_));
    std::optional<std::string> found;  // names sort by age
    for (const std::string& name : names) {
      const auto first = first_lsn_of(name);
      if (first && *first <= position_) found = directory_ + "/" + name;
    }
    if (!found) return false;
    auto opened = LiveSegmentReader::open(files_, *found, keys_);
    if (opened.ok()) {
      segment_ = opened.take();
      return true;
    }
    // Trimmed between the two, and gone, or a later segment already? Then it is not listed any
    // more.
    if (opened.error().code() == ErrorCode::kCrypto || *found == missing) {
      return std::move(opened.error());
    }
    missing = *found;
  }
}

// The batch that holds the record at position_; false: it is not in this segment.
Result<bool> LocalLogReader::take(Lsn durable) {
  while (segment_ != nullptr && segment_->position().next <= durable) {
    STATOR_TRY(batch_, segment_->next(durable));
    if (!batch_) return false;
    if (segment_->position().next > position_) return true;
  }
  return false;
}

// When the segment was trimmed meanwhile its file may be another one already: what was read is then
// neither damage nor the end of the log.
Result<bool> LocalLogReader::is_trimmed() {
  if (segment_ == nullptr) return true;
  STATOR_TRY(const bool is_there, files_.exists(segment_->path()));
  return !is_there;
}

// The batch at position_ from whichever segment has it; false: it is trimmed.
Result<bool> LocalLogReader::find(Lsn durable) {
  for (bool is_fresh = false;; is_fresh = true) {
    auto taken = take(durable);
    if (taken.ok() && taken.value()) return true;
    if (!taken.ok() || is_fresh) {
      STATOR_TRY(const bool is_gone, is_trimmed());
      if (!is_gone && !taken.ok()) return std::move(taken.error());
      if (!is_gone) {
        return Error(ErrorCode::kCorrupted, "the log cannot be read back: LSN " +
                                                std::to_string(position_.value()) +
                                                " is durable, but is not in its segments");
      }
    }
    STATOR_TRY(const bool is_there, open_segment());
    if (!is_there) return false;
  }
}

// Looked at behind the step: what was read while the log was cut is worth nothing.
Result<LogReader::Step> LocalLogReader::next() {
  auto done = step();
  if (tail_.generation.load(std::memory_order_acquire) == generation_) return done;
  return Error(ErrorCode::kFenced, "records of the log were discarded; what was read may be gone");
}

Result<LogReader::Step> LocalLogReader::step() {
  batch_.reset();
  const Lsn durable{tail_.durable.load(std::memory_order_acquire)};
  if (position_ > durable) return Step::kEnd;
  STATOR_TRY(const bool is_found, find(durable));
  if (!is_found) return Step::kTrimmed;
  if (chain_ && batch_->seal().previous_chain != *chain_) {
    return Error(ErrorCode::kCorrupted, "the log cannot be read back: the batch at LSN " +
                                            std::to_string(position_.value()) +
                                            " continues another log");
  }
  position_ = segment_->position().next;
  chain_ = batch_->chain();
  return Step::kBatch;
}

}  // namespace stator::wal
