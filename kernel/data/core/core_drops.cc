// Tenants that are dropped: one step of the eraser a turn, as a batch of the log of its own.
#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "data/core/core_loop.h"

namespace stator::core {
namespace {

constexpr std::uint64_t kDropRetryNs = 1'000'000'000;

}  // namespace

using bridge::Task;
using bridge::TaskKind;

// Steps of what a request has begun go on: who holds a lane back has not said that it is quiet.
bool CoreLoop::is_of_dropped(const Task& task) const {
  if (!eraser_.has_refused()) return false;
  switch (task.kind) {
    case TaskKind::kExecute:
    case TaskKind::kMerge:
      return eraser_.is_refused(task.tenant);
    case TaskKind::kBatch:
    case TaskKind::kBatchPrepare:
      return std::any_of(task.items.begin(), task.items.end(),
                         [this](const Task* item) { return eraser_.is_refused(item->tenant); });
    default:
      return false;
  }
}

bool CoreLoop::is_dropping() const {
  return erased_lsn_ > options_.log->durable() && options_.log->health().ok();
}

// One commit of the log at a time: it sets the pace, and what is not durable stays small. A
// checkpoint that runs is waited for, so that what is erased does not fill the memory meanwhile.
bool CoreLoop::can_drop() const {
  return eraser_.has_work() && is_background_on_ && !is_holding_ && !is_checkpointing_ &&
         now_ns_ >= drop_not_before_ns_ && erased_lsn_ <= options_.log->durable();
}

void CoreLoop::drop_tenants() {
  batch_.clear();
  host_.own_store().begin_turn();
  const auto end_all = [this](TenantId tenant) {
    work_.forget(tenant);
    return long_reads_.cancel_begun(tenant) || works_for_ == tenant;
  };
  eraser_.step(end_all, batch_);
  if (batch_.count() > 0) {
    auto appended = options_.log->append(batch_, host_.time_ms, epoch_);
    if (appended.ok()) {
      drop_not_before_ns_ = 0;
      wal::RecordCursor records(batch_.records());
      wal::RecordView record;
      for (Lsn lsn = appended.value(); records.next(record); lsn = Lsn{lsn.value() + 1}) {
        const Status applied = apply(record, lsn, host_.time_ms);
        STATOR_ASSERT(applied.ok());  // as in commit()
        erased_lsn_ = lsn;
      }
    } else {
      if (drop_not_before_ns_ == 0) {
        log::warn("a dropped tenant's data stays for now: " + appended.error().sentence());
      }
      drop_not_before_ns_ = now_ns_ + kDropRetryNs;
      eraser_.put_off();
    }
  }
  host_.own_store().end_turn();
}

}  // namespace stator::core
