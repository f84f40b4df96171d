// Atomic batches: everything is prepared against the state before the batch, then one append to the
// log, then all is applied. docs/adr/0013-batch.md says why it is so and what it costs.
#include "base/assert.h"
#include "bridge/batch_answer.h"
#include "data/core/call_scope.h"
#include "data/core/core_loop.h"

namespace stator::core {

using bridge::Task;

void CoreLoop::prepare_item(Task& item) {
  const plugin::Op& op = options_.catalog->ops()[item.op];
  const plugin::Engine& engine = options_.catalog->engine_of(op);
  const bool is_read = op.row->op_class == STATOR_OP_READ;
  call_.begin(host_, is_read ? host::Phase::kRead : host::Phase::kPrepare, engine, item.tenant,
              item.collection);
  const CallScope scope(call_);
  const WatchScope watch(*options_.watchdog, options_.lane, *op.row, item, interrupt_);
  call_.task = &item;
  call_.op = op.row;
  call_.vshard = item.vshard.value();
  call_.reply = &item.payload;
  call_.batch = is_read ? nullptr : &batch_;
  const stator_request request = request_of(item, op, call_);
  stator_instance* instance = host_.instances[op.engine];
  take_answer(item, call_,
              is_read ? engine.descriptor.read(instance, &request)
                      : engine.descriptor.prepare(instance, &request));
}

bool CoreLoop::prepare_items(Task& batch) {
  batch_.clear();
  for (Task* item : batch.items) {
    prepare_item(*item);
    if (item->code == ErrorCode::kOk) continue;
    const std::string place = "ops[" + std::to_string(item->item) + "]";
    batch.refuse(Error(item->code, item->error_field.empty() ? place : place + "." + item->error_field,
                       place + ": " + item->error_sentence));
    return false;
  }
  return true;
}

void CoreLoop::execute_batch(Task& batch) {
  if (answer_from_idempotency(batch)) return;
  if (!prepare_items(batch)) {
    batch.answer_after = last_applied_;
    return;
  }
  if (auto written = bridge::write_batch_answer(batch); !written.ok()) {
    return batch.refuse(written.error());
  }
  commit(batch, last_applied_);
}

// From here on this lane runs nothing else, so that what was prepared stays true until it is applied.
void CoreLoop::prepare_batch(Task& part) {
  if (answer_from_idempotency(part)) {
    part.is_repeat = true;
    part.answer_after = Lsn{};
    return;
  }
  if (!prepare_items(part)) return;
  part.records.append(batch_.records());
  part.record_count = batch_.count();
  part.seen = last_applied_;
  is_holding_ = true;
}

void CoreLoop::append_batch(Task& batch) {
  batch_.clear();
  for (const Task* part : batch.children) {
    batch.seen = std::max(batch.seen, part->seen);
    if (auto added = batch_.add_all(part->records.view(), part->record_count); !added.ok()) {
      return batch.refuse(added.error());
    }
  }
  if (auto written = bridge::write_batch_answer(batch); !written.ok()) {
    return batch.refuse(written.error());
  }
  if (batch_.count() > 0) {
    if (auto appended = append(batch); !appended.ok()) return batch.refuse(appended.error());
    batch.records.append(batch_.bytes());
    batch.time_ms = host_.time_ms;
    batch.seen = Lsn{batch.lsn.value() + batch_.count() - 1};
  }
  batch.fill_in_lsn();
}

// As recovery would do it: of the whole batch what belongs to this lane.
void CoreLoop::apply_batch(const Task& batch) {
  STATOR_ASSERT(is_holding_);
  is_holding_ = false;
  if (batch.records.empty()) return;
  auto opened = wal::BatchReader::open(batch.records.view());
  STATOR_ASSERT(opened.ok());
  wal::RecordView record;
  Lsn lsn;
  while (opened.value().next(record, lsn)) {
    if (!is_mine(record.vshard)) continue;
    const Status applied = apply(record, lsn, batch.time_ms);
    STATOR_ASSERT(applied.ok());  // as in commit()
  }
}

}  // namespace stator::core
