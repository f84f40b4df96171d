// Reads that may take long, in slices: each runs on a stack of its own (io/fiber.h) against a
// snapshot of the store, and pauses where the engine looks at its interrupt word (stator.pause/1)
// when its time is over. docs/adr/0031-slices.md says why so.
//
// Together they have one slice a turn of the lane. Where their answers hold too much, one goes on
// until it ends, and then the next (docs/adr/0065-answers-on-their-way.md). Those that wait for
// their beginning and those that paused take it in turns, among each the priorities by weight.
// Deadline and cancellation are looked at before each slice, and of those that wait each
// kQueueLookNs.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "data/core/run_queue.h"
#include "data/host/call_context.h"
#include "io/fiber.h"

namespace stator::core {

// A slice on a lane that has had other requests in the last kSliceAloneAfterNs: they come one after
// the other and wait for it each time. Alone it is kSliceNs.
inline constexpr std::uint64_t kSliceShortNs = 25'000;
inline constexpr std::uint64_t kSliceAloneAfterNs = 10'000'000;

class LongReads final : public host::Pauser {
 public:
  // Carries the task out with this call, to its answer.
  using Run = std::function<void(bridge::Task&, stator_call&)>;

  // `interrupt`: the lane's word, which a running slice changes.
  LongReads(host::LaneHost& host, Clock& clock, std::uint32_t& interrupt, Run run);
  ~LongReads() override;
  LongReads(const LongReads&) = delete;
  LongReads& operator=(const LongReads&) = delete;

  void add(bridge::Task* task) {
    (task->kind == bridge::TaskKind::kMerge ? merges_ : fresh_).push(task);
  }
  // One slice. Those that are answered are appended to `ended`.
  void run(std::uint64_t slice_ns, std::vector<bridge::Task*>& ended);
  // Ends those that have begun, as interrupted. Before the engines close.
  void stop();

  // Has those of the tenant that have begun end as cancelled; whether there are any.
  bool cancel_begun(TenantId tenant);

  std::size_t count() const { return merges_.size() + fresh_.size() + paused_.size(); }
  std::size_t count(bridge::Priority priority) const {
    return merges_.size(priority) + fresh_.size(priority) + paused_.size(priority);
  }
  std::size_t begun() const { return paused_.size(); }
  // Beginnings and continuations since start.
  std::uint64_t slices() const { return slices_; }

  bool look() override;

 private:
  struct Read {
    io::Fiber fiber{kPausedReadStackBytes};
    stator_call call;
    std::unique_ptr<store::Snapshot> snapshot;
    bridge::Task* task = nullptr;  // null: at rest
    std::uint32_t looks_step = 1;  // looks of the engine between two of ours at the clock
    const InFlight* in_flight = nullptr;  // the call in whose middle it paused
  };
  // The one whose turn it is; null: none can run now. May answer some.
  Read* next(bool is_full, std::vector<bridge::Task*>& ended);
  // Of the answers of those that have begun.
  std::size_t gathered_bytes() const;
  // Of a queue of those that have not begun.
  Read* begin_first(RunQueue& queue, std::vector<bridge::Task*>& ended);
  Read* begin(bridge::Task* task);
  void refuse_waiting(std::vector<bridge::Task*>& ended);
  Read& read_of(const bridge::Task* task) const;
  void go_on(Read& read);

  host::LaneHost& host_;
  Clock& clock_;
  std::uint32_t& interrupt_;
  const Run run_;
  RunQueue merges_;  // not begun; before everything else, for their parts are held until they end
  RunQueue fresh_;
  RunQueue paused_;
  std::vector<std::unique_ptr<Read>> reads_;  // at most kPausedReadsMax
  bool is_fresh_next_ = true;
  std::uint64_t queue_looked_ns_ = 0;
  std::uint64_t slices_ = 0;

  // Of the slice that runs.
  Read* running_ = nullptr;
  bool must_stop_ = false;
  std::uint64_t slice_end_ns_ = 0;
  std::uint64_t look_ns_ = kSliceLookNs;  // between two looks at the clock
  std::uint64_t looked_ns_ = 0;
  std::uint32_t looks_left_ = 0;
};

}  // namespace stator::core
