#include "wal/sim_log.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"

namespace stator::wal {

Lsn SimLog::last_locked() const { return batches_.empty() ? begin_ : batches_.back().last; }

Status SimLog::check_open() const {
  if (failure_ == ErrorCode::kOk) return ok_status();
  return Error(failure_, "the simulated log refuses the write");
}

Result<Lsn> SimLog::append(BatchBuilder& batch, std::uint64_t time_ms, std::uint32_t epoch) {
  STATOR_ASSERT(batch.count() > 0);
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_open());
  if (epoch != epoch_) return fenced(epoch, epoch_);
  return append_locked(batch, time_ms);
}

Lsn SimLog::append_locked(BatchBuilder& batch, std::uint64_t time_ms) {
  const Lsn before = last_locked();
  const Lsn first{before.value() + 1};
  const std::uint64_t chain = BatchSealer::seal(
      batch, {.group = 0,
              .epoch = epoch_,
              .first = first,
              .previous_chain = batches_.empty() ? begin_chain_ : batches_.back().chain,
              .time_ms = time_ms,
              .durable_before = Lsn{durable_.value() + 1}});
  batches_.push_back(
      {std::string(batch.bytes()), Lsn{before.value() + batch.count()}, chain, epoch_});
  return first;
}

Result<Lsn> SimLog::seal(std::uint32_t epoch, std::uint64_t time_ms) {
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_open());
  if (epoch <= epoch_) return fenced(epoch, epoch_);
  BatchBuilder batch = seal_batch();
  epoch_ = epoch;
  return append_locked(batch, time_ms);
}

std::uint32_t SimLog::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

Status SimLog::discard_to(Lsn to) {
  const std::lock_guard lock(mutex_);
  const auto is_end = [&](const Batch& batch) { return batch.last == to; };
  if (to != begin_ && std::none_of(batches_.begin(), batches_.end(), is_end)) {
    return Error(ErrorCode::kBadRequest, "to",
                 "LSN " + std::to_string(to.value()) + " is not the end of a batch of the log");
  }
  std::erase_if(batches_, [&](const Batch& batch) { return batch.last > to; });
  if (to < durable_) ++generation_;
  durable_ = std::min(durable_, to);
  epoch_ = batches_.empty() ? begin_epoch_ : batches_.back().epoch;
  return ok_status();
}

Lsn SimLog::durable() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

Lsn SimLog::last() const {
  const std::lock_guard lock(mutex_);
  return last_locked();
}

Status SimLog::health() const {
  const std::lock_guard lock(mutex_);
  if (failure_ == ErrorCode::kOk) return ok_status();
  return Error(failure_, "the simulated log has failed");
}

void SimLog::set_listener(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

class SimLog::Reader final : public LogReader {
 public:
  Reader(const SimLog& log, Lsn from, std::uint64_t generation)
      : log_(log), position_(from), generation_(generation) {}

  Result<Step> next() override {
    const std::lock_guard lock(log_.mutex_);
    if (generation_ != log_.generation_) {
      return Error(ErrorCode::kFenced, "records of the simulated log were discarded");
    }
    if (position_ > log_.durable_) return Step::kEnd;
    if (position_ <= log_.begin_) return Step::kTrimmed;
    const auto found = std::find_if(log_.batches_.begin(), log_.batches_.end(),
                                    [&](const Batch& batch) { return batch.last >= position_; });
    STATOR_ASSERT(found != log_.batches_.end());
    bytes_ = found->bytes;
    STATOR_TRY(batch_, BatchReader::open(bytes_));
    position_ = Lsn{found->last.value() + 1};
    return Step::kBatch;
  }
  BatchReader& batch() override { return *batch_; }
  Lsn position() const override { return position_; }

 private:
  const SimLog& log_;
  Lsn position_;
  const std::uint64_t generation_;
  std::string bytes_;
  std::optional<BatchReader> batch_;
};

std::unique_ptr<LogReader> SimLog::reader(Lsn from) {
  const std::lock_guard lock(mutex_);
  return std::make_unique<Reader>(*this, from, generation_);
}

Lsn SimLog::oldest() const {
  const std::lock_guard lock(mutex_);
  return Lsn{begin_.value() + 1};
}

std::vector<LogPart> SimLog::parts() const {
  const std::lock_guard lock(mutex_);
  std::vector<LogPart> out;
  for (const Batch& batch : batches_) {
    auto reader = BatchReader::open(batch.bytes);
    STATOR_ASSERT(reader.ok());
    out.push_back({reader.value().seal().first, batch.bytes.size(), reader.value().seal().time_ms});
  }
  out.push_back({Lsn{last_locked().value() + 1}, 0, 0});
  return out;
}

void SimLog::trim(Lsn to) {
  const std::lock_guard lock(mutex_);
  const auto kept = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& batch) {
    return batch.last >= to || batch.last > durable_;
  });
  if (kept == batches_.begin()) return;
  begin_ = std::prev(kept)->last;
  begin_chain_ = std::prev(kept)->chain;
  begin_epoch_ = std::prev(kept)->epoch;
  batches_.erase(batches_.begin(), kept);
}

void SimLog::allow_trim(Lsn to) {
  const std::lock_guard lock(mutex_);
  allowed_trim_ = to;
}

Lsn SimLog::allowed_trim() const {
  const std::lock_guard lock(mutex_);
  return allowed_trim_;
}

void SimLog::commit() { make_durable(last()); }

void SimLog::make_durable(Lsn to) {
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    if (failure_ != ErrorCode::kOk) return;
    for (const Batch& batch : batches_) {
      if (batch.last <= to) durable_ = std::max(durable_, batch.last);
    }
    listener = listener_;
  }
  if (listener) listener();
}

void SimLog::crash() {
  const std::lock_guard lock(mutex_);
  std::erase_if(batches_, [&](const Batch& batch) { return batch.last > durable_; });
  epoch_ = batches_.empty() ? begin_epoch_ : batches_.back().epoch;
  failure_ = ErrorCode::kOk;
}

void SimLog::set_failure(ErrorCode code) {
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    failure_ = code;
    listener = listener_;
  }
  if (listener && code != ErrorCode::kOk) listener();
}

}  // namespace stator::wal
