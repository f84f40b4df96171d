// Atomic batches: everything is prepared against the state before the batch, then one append to the
// log, then all is applied. docs/adr/0013-batch.md says why it is so and what it costs.
#include "base/assert.h"
#include "bridge/batch_answer.h"
#include "bridge/part_answers.h"
#include "data/core/call_scope.h"
#include "data/core/core_loop.h"

namespace stator::core {

using bridge::Task;

void CoreLoop::prepare_item(Task& item) {
  if (item.core_op == bridge::CoreOp::kWork) return prepare_work(item);
  if (refuse_quarantined(item)) return;
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
  call_.claims = is_read ? nullptr : &item.claims;
  const stator_request request = request_of(item, op, call_);
  stator_instance* instance = host_.instances[op.engine];
  take_answer(item, call_,
              is_read ? engine.descriptor.read(instance, &request)
                      : engine.descriptor.prepare(instance, &request));
}

bool CoreLoop::prepare_items(Task& batch) {
  batch_.clear();
  batch.claims.clear();
  std::size_t bytes = 0;
  for (Task* item : batch.items) {
    item->clear_answer();  // a round may begin again
    item->is_repeat = batch.is_round && answer_from_idempotency(*item);
    // Its client may have gone while the round waited.
    const std::uint32_t before = batch_.count();
    if (item->was_cancelled()) {
      item->refuse_as_cancelled();
    } else if (!item->is_repeat) {
      prepare_item(*item);
    }
    item->first_record = batch_.count() > before ? before : bridge::kNoRecord;
    batch.claims.append(item->claims.view());
    bytes += item->payload.size();
    if (!batch.is_round && bytes > kPayloadBytesMax) {
      batch.refuse(bridge::answers_too_large());
      return false;
    }
    if (item->code == ErrorCode::kOk) continue;
    if (batch.is_round) {
      batch.refuse(Error(item->code, item->error_field, item->error_sentence));
      return false;
    }
    const std::string place = "ops[" + std::to_string(item->item) + "]";
    batch.refuse(Error(item->code, item->error_field.empty() ? place : place + "." + item->error_field,
                       place + ": " + item->error_sentence));
    return false;
  }
  return true;
}

void CoreLoop::execute_batch(Task& batch) {
  if (answer_from_idempotency(batch)) return;
  if (prepare_items(batch)) {
    if (wants_round(batch, false)) return ask_for_round(batch);
    const ByteView claims = batch.claims.view();
    auto outcome = check_claims({&claims, 1}, true);
    if (outcome.ok()) outcome = bridge::write_batch_answer(batch);
    if (!outcome.ok()) batch.refuse(outcome.error());
  }
  // It may wait for what it tells to be durable, and many others with it.
  bridge::forget_item_answers(batch);
  if (batch.code == ErrorCode::kOk) return commit(batch, last_applied_);
  batch.answer_after = last_applied_;
}

// From here on this lane runs nothing else, so that what was prepared stays true until it is applied.
void CoreLoop::prepare_batch(Task& part) {
  if (answer_from_idempotency(part)) {
    part.is_repeat = true;
    part.answer_after = Lsn{};
    return;
  }
  part.seen = last_applied_;
  if (!prepare_items(part)) return bridge::forget_item_answers(part);
  part.records.append(batch_.records());
  part.record_count = batch_.count();
  part.is_held = true;
  is_holding_ = true;
}

// Of requests that ask together with others for one round, each has its own key.
Status CoreLoop::keep_answers(const Task& round) {
  for (const Task* part : round.children) {
    for (const Task* item : part->items) {
      if (item->idempotency_key.empty() || item->is_repeat) continue;
      STATOR_CHECK(IdempotencyTable::add(batch_, *item, item->vshard));
    }
  }
  return ok_status();
}

void CoreLoop::append_batch(Task& batch) {
  batch_.clear();
  for (const Task* part : batch.children) {
    batch.seen = std::max(batch.seen, part->seen);
    for (Task* item : part->items) {
      if (item->first_record != bridge::kNoRecord) item->first_record += batch_.count();
    }
    if (auto added = batch_.add_all(part->records.view(), part->record_count); !added.ok()) {
      return batch.refuse(added.error());
    }
  }
  auto kept = ok_status();
  if (!batch.is_round) {
    kept = bridge::write_batch_answer(batch);
    bridge::forget_item_answers(batch);
  } else if (!batch.idempotency_key.empty()) {
    kept = bridge::write_part_answers(batch);
  } else if (batch_.count() > 0) {
    kept = keep_answers(batch);
  }
  if (!kept.ok()) return batch.refuse(kept.error());
  if (batch_.count() > 0) {
    if (auto appended = append(batch); !appended.ok()) {
      batch.seen = Lsn{};  // tells nothing of what it saw
      return batch.refuse(appended.error());
    }
    batch.records.append(batch_.bytes());
    batch.time_ms = host_.time_ms;
    batch.seen = Lsn{batch.lsn.value() + batch_.count() - 1};
  }
  batch.fill_in_lsn();
  if (!batch.is_round) return;
  for (Task* item : batch.items) {
    if (item->is_repeat) continue;
    item->lsn = batch.lsn;
    item->fill_in_lsn();
  }
}

void CoreLoop::cancel_batch(Task& part) {
  if (part.is_held) is_holding_ = false;
  part.is_held = false;  // it may be cancelled once more, for good
  bridge::forget_item_answers(part);
  if (!part.is_again) end_round(part);
}

// As recovery would do it: of the whole batch what belongs to this lane.
void CoreLoop::apply_batch(const Task& part) {
  STATOR_ASSERT(is_holding_ && part.is_held);
  is_holding_ = false;
  end_round(part);
  const Task& batch = *part.parent;
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
