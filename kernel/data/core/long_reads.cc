#include "data/core/long_reads.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace stator::core {
namespace {

constexpr std::uint32_t kLooksStepMax = 4096;

bool is_unwanted(const bridge::Task& task, std::uint64_t now_ns) {
  return now_ns >= task.deadline_ns || task.was_cancelled();
}

void refuse_unwanted(bridge::Task& task) {
  if (task.was_cancelled()) return task.refuse_as_cancelled();
  task.refuse(Error(ErrorCode::kDeadlineExceeded, "deadline_ms",
                    "the deadline passed before the request was executed"));
}

}  // namespace

using bridge::Task;

LongReads::LongReads(host::LaneHost& host, Clock& clock, std::uint32_t& interrupt, Run run)
    : host_(host), clock_(clock), interrupt_(interrupt), run_(std::move(run)) {}

LongReads::~LongReads() { stop(); }

void LongReads::stop() {
  while (!paused_.empty()) {
    Read& read = read_of(paused_.take());
    must_stop_ = true;
    go_on(read);
    STATOR_ASSERT(!read.fiber.is_paused());
  }
}

bool LongReads::cancel_begun(TenantId tenant) {
  bool has_some = false;
  for (const auto& read : reads_) {
    if (read->task == nullptr || read->task->tenant != tenant) continue;
    read->task->is_cancelled.store(true, std::memory_order_relaxed);
    has_some = true;
  }
  return has_some;
}

LongReads::Read& LongReads::read_of(const Task* task) const {
  const auto found = std::find_if(reads_.begin(), reads_.end(),
                                  [&](const auto& read) { return read->task == task; });
  STATOR_ASSERT(found != reads_.end());
  return **found;
}

// Null: it has to wait until another one has ended.
LongReads::Read* LongReads::begin(Task* task) {
  auto found = std::find_if(reads_.begin(), reads_.end(),
                            [](const auto& read) { return read->task == nullptr; });
  if (found == reads_.end()) {
    if (reads_.size() == kPausedReadsMax) return nullptr;
    found = reads_.insert(reads_.end(), std::make_unique<Read>());
  }
  Read& read = **found;
  read.snapshot = host_.own_store().snapshot();
  if (read.snapshot == nullptr) return nullptr;
  read.call.snapshot = read.snapshot.get();
  read.looks_step = 1;
  read.task = task;
  return &read;
}

// Their turn may be far away: as many as may have begun are before them.
void LongReads::refuse_waiting(std::vector<Task*>& ended) {
  const auto refuse = [&](Task* task) {
    if (!is_unwanted(*task, looked_ns_)) return false;
    refuse_unwanted(*task);
    ended.push_back(task);
    return true;
  };
  merges_.take_out_if(refuse);
  fresh_.take_out_if(refuse);
}

std::size_t LongReads::gathered_bytes() const {
  std::size_t bytes = 0;
  for (const auto& read : reads_)
    bytes += read->task == nullptr ? 0 : read->task->payload.capacity();
  return bytes;
}

LongReads::Read* LongReads::begin_first(RunQueue& queue, std::vector<Task*>& ended) {
  while (!queue.empty()) {
    Task* task = queue.front();
    if (is_unwanted(*task, looked_ns_)) {
      queue.take();
      refuse_unwanted(*task);
      ended.push_back(task);
      continue;
    }
    Read* read = begin(task);
    if (read != nullptr) queue.take();
    return read;
  }
  return nullptr;
}

LongReads::Read* LongReads::next(bool is_full, std::vector<Task*>& ended) {
  if (Read* merge = begin_first(merges_, ended); merge != nullptr) return merge;
  const bool takes_fresh = !is_full && (is_fresh_next_ || paused_.empty());
  is_fresh_next_ = !is_fresh_next_;
  Read* read = takes_fresh ? begin_first(fresh_, ended) : nullptr;
  if (read != nullptr) return read;
  return paused_.empty() ? nullptr : &read_of(paused_.take());
}

void LongReads::run(std::uint64_t slice_ns, std::vector<Task*>& ended) {
  looked_ns_ = clock_.monotonic_ns();
  slice_end_ns_ = looked_ns_ + slice_ns;
  look_ns_ = std::min(kSliceLookNs, slice_ns / 5);
  if (looked_ns_ > queue_looked_ns_ + kQueueLookNs) {
    queue_looked_ns_ = looked_ns_;
    refuse_waiting(ended);
  }
  while (looked_ns_ < slice_end_ns_ && count() > 0) {
    const bool is_full = gathered_bytes() >= kPausedReadBytesMax;
    Read* read = next(is_full, ended);
    if (read == nullptr) return;
    must_stop_ = read->fiber.is_paused() && is_unwanted(*read->task, looked_ns_);
    go_on(*read);
    looked_ns_ = clock_.monotonic_ns();
    if (read->fiber.is_paused()) {
      is_full ? paused_.push_front(read->task) : paused_.push(read->task);
      continue;
    }
    ended.push_back(std::exchange(read->task, nullptr));
  }
}

// Until it pauses or ends.
void LongReads::go_on(Read& read) {
  ++slices_;
  running_ = &read;
  looks_left_ = read.looks_step;
  __atomic_store_n(&interrupt_, std::uint32_t{STATOR_INTERRUPT_ASK}, __ATOMIC_RELAXED);
  in_flight = std::exchange(read.in_flight, nullptr);
  if (read.fiber.is_paused()) {
    read.fiber.resume();
  } else {
    read.fiber.begin([this, &read] { run_(*read.task, read.call); });
  }
  __atomic_store_n(&interrupt_, 0u, __ATOMIC_RELAXED);
  running_ = nullptr;
  read.in_flight = std::exchange(in_flight, nullptr);
  if (read.fiber.is_paused()) return;
  read.call.snapshot = nullptr;
  read.snapshot.reset();
}

// The clock is looked at about each look_ns_: a look of the engine may stand for a row or for
// thousands of them.
bool LongReads::look() {
  if (running_ == nullptr) return false;
  if (must_stop_) return true;
  if (--looks_left_ > 0) return false;
  Read& read = *running_;
  const std::uint64_t now = clock_.monotonic_ns();
  const std::uint64_t spent = now - looked_ns_;
  if (spent > look_ns_) {
    read.looks_step = std::max(read.looks_step / 2, 1u);
  } else if (spent < look_ns_ / 2) {
    read.looks_step = std::min(read.looks_step * 2, kLooksStepMax);
  }
  looked_ns_ = now;
  looks_left_ = read.looks_step;
  if (now < slice_end_ns_) return false;
  read.fiber.pause();
  return must_stop_;
}

}  // namespace stator::core
