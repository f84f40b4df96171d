// The answer to an atomic batch, from the answers of its items:
//   [{"status":"ok","payload":…},…]   in their order; null without payload, base64 where it is binary
#pragma once

#include "base/result.h"
#include "bridge/task.h"

namespace stator::bridge {

// Writes batch.payload, and batch.lsn_at for every place where an item wants its LSN.
// Error kResourcesExhausted: larger than an answer may be.
Status write_batch_answer(Task& batch);
// The error that it gives.
Error answers_too_large();
// The answers of its items are not needed any more: they are in the batch's, or it was refused.
void forget_item_answers(Task& batch);

}  // namespace stator::bridge
