// Background work of engines (docs/adr/0038): a turn is a task like others, of the lowest priority,
// which nobody waits for; what it writes, claims too, goes the way of a request's. And the requests
// that wait for work to be done.
#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/log.h"
#include "data/core/call_scope.h"
#include "data/core/core_loop.h"

namespace stator::core {

using bridge::Task;

namespace {

// Ends the slice of a turn where the engine looks at its interrupt word.
class WorkSlice final : public host::Pauser {
 public:
  WorkSlice(host::LaneHost& host, Clock& clock, std::uint32_t& interrupt)
      : host_(host),
        before_(host.pauser),
        clock_(clock),
        interrupt_(interrupt),
        end_ns_(clock.monotonic_ns() + kWorkSliceNs) {
    host_.pauser = this;
    __atomic_store_n(&interrupt_, std::uint32_t{STATOR_INTERRUPT_ASK}, __ATOMIC_RELAXED);
  }
  ~WorkSlice() override {
    __atomic_store_n(&interrupt_, 0u, __ATOMIC_RELAXED);
    host_.pauser = before_;
  }
  WorkSlice(const WorkSlice&) = delete;
  WorkSlice& operator=(const WorkSlice&) = delete;
  bool look() override { return clock_.monotonic_ns() >= end_ns_; }

 private:
  host::LaneHost& host_;
  host::Pauser* before_;
  Clock& clock_;
  std::uint32_t& interrupt_;
  const std::uint64_t end_ns_;
};

stator_str lend(ByteView text) { return {text.data(), text.size()}; }

WorkList::Place place_of(const Task& task) { return {task.op, task.tenant, task.collection}; }

}  // namespace

// Records of which the lane is not the owner would be another lane's at the next replay.
VShardId CoreLoop::any_vshard() const {
  for (std::uint32_t vshard = 0; vshard < kVShards; ++vshard) {
    if (is_mine(VShardId{vshard})) return VShardId{vshard};
  }
  return kEveryVShard;
}

bool CoreLoop::begin_work(Task& task) {
  if (is_working() || work_.empty()) return false;
  host_.time_ms = std::max(host_.time_ms, options_.clock->wall_ms());
  work_.set_now(host_.time_ms);
  WorkList::Place place;
  if (!work_.take(place)) return false;
  const EngineNumber engine = options_.catalog->engines()[place.engine]->number;
  const bool rests = options_.quarantine != nullptr &&
                     options_.quarantine->rests(engine, place.tenant, place.collection);
  if (rests) return false;
  works_for_ = place.tenant;
  task.core_op = bridge::CoreOp::kWork;
  task.priority = bridge::Priority::kBackground;
  task.op = place.engine;
  task.tenant = place.tenant;
  task.collection = place.collection;
  task.deadline_ns = std::numeric_limits<std::uint64_t>::max();
  task.set_note({});
  return true;
}

void CoreLoop::end_work(const Task& task) {
  STATOR_ASSERT(is_working());
  works_for_.reset();
  if (eraser_.is_refused(task.tenant)) return;  // its tenant was dropped: it is not wanted again
  const WorkList::Place place = place_of(task);
  if (task.code == ErrorCode::kOk) return work_.set_refusal(place, {});
  const WorkList::Refusal& before = work_.refusal(place.engine, place.tenant, place.collection);
  // News for the engine; what comes again waits.
  const bool is_news = before.code == ErrorCode::kOk && task.code != ErrorCode::kConflictRetry;
  const bool is_its_own = task.code == ErrorCode::kUniqueViolation ||
                          task.code == ErrorCode::kRejectedConstraint ||
                          task.code == ErrorCode::kConflictRetry;
  if (before.code != task.code && !is_its_own) {
    log::warn("background work of engine '" + options_.catalog->engines()[task.op]->id +
              "' in collection '" + task.collection + "': " + task.error_sentence);
  }
  work_.wake(place.engine, place.tenant, place.collection,
             is_news ? 0 : host_.time_ms + kWorkRetryMs);
  work_.set_refusal(place, {task.code, task.error_field, task.error_sentence});
}

void CoreLoop::prepare_work(Task& task) {
  const plugin::Engine& engine = *options_.catalog->engines()[task.op];
  task.error_field.clear();
  task.error_sentence.clear();
  task.vshard = any_vshard();
  call_.begin(host_, host::Phase::kPrepare, engine, task.tenant, task.collection);
  const CallScope scope(call_);
  call_.task = &task;
  call_.vshard = task.vshard.value();
  call_.reply = &task.payload;
  call_.batch = &batch_;
  call_.claims = &task.claims;
  call_.is_work = true;
  call_.note = task.note();
  static const WorkList::Refusal kNone;
  const WorkList::Refusal& refusal =
      call_.note.empty() ? work_.refusal(task.op, task.tenant, task.collection) : kNone;
  const stator_request request = {
      sizeof request,        STATOR_OP_INDEX_WORK,
      task.tenant.value(),   task.vshard.value(),
      lend(task.collection), reinterpret_cast<const stator_arg_block*>(task.args.data()),
      host_.time_ms,         0,
      &interrupt_,           &call_};
  const stator_work work = {
      sizeof work,
      static_cast<stator_status>(refusal.code),
      lend(refusal.field),
      lend(refusal.sentence),
      {reinterpret_cast<const std::uint8_t*>(call_.note.data()), call_.note.size()},
      &request};
  work_.set_now(host_.time_ms);
  const WorkSlice slice(host_, *options_.clock, interrupt_);
  take_answer(task, call_, engine.descriptor.work(host_.instances[task.op], &work));
  if (call_.everywhere.empty() || task.code != ErrorCode::kOk) return;
  task.wants_all = true;
  task.set_note(call_.everywhere);
}

void CoreLoop::execute_work(Task& task) {
  batch_.clear();
  prepare_work(task);
  if (task.code != ErrorCode::kOk || task.wants_all) return;
  if (wants_round(task, false)) return ask_for_round(task);
  const ByteView claims = task.claims.view();
  if (auto checked = check_claims({&claims, 1}, false); !checked.ok()) {
    return task.refuse(checked.error());
  }
  commit(task, Lsn{});
  worked_lsn_ = last_applied_;
  // It goes ahead of the disk by some turns, and no further.
  if (++work_turns_ % kWorkTurnsAhead != 0) task.answer_after = Lsn{};
}

bool CoreLoop::is_work_ahead() const {
  return worked_lsn_ > options_.log->durable() && options_.log->health().ok();
}

std::size_t CoreLoop::later_tasks() const {
  std::size_t count = 0;
  for (const Task* task : later_) count += 1 + task->children.size();
  return count;
}

void CoreLoop::end_later() {
  for (Task* task : later_) task->deadline_ns = 0;
}

void CoreLoop::retry_later(std::vector<Task*>& answered) {
  const bool is_news = later_seen_ != last_applied_;
  later_seen_ = last_applied_;
  std::vector<Task*> still;
  host_.own_store().begin_turn();
  for (Task* task : later_) {
    const bool is_over = now_ns_ >= task->deadline_ns || task->was_cancelled();
    if (!is_over && !is_news) {
      still.push_back(task);
      continue;
    }
    task->is_later = false;
    if (is_over) {
      task->refuse(Error(ErrorCode::kDeadlineExceeded, "deadline_ms",
                         "the time was over before what it waits for was done; what it wrote "
                         "stays, and goes on"));
      if (task->was_cancelled()) task->refuse_as_cancelled();
    } else if (is_of_dropped(*task)) {
      refuse_dropped(*task);
    } else {
      execute_merge(*task, call_);
    }
    if (task->is_later) {
      still.push_back(task);
      continue;
    }
    settle(task, answered);
  }
  host_.own_store().end_turn();
  later_ = std::move(still);
}

}  // namespace stator::core
