// The answer to an atomic batch, from the answers of its items:
//   [{"status":"ok","payload":…},…]   in their order; null without payload, base64 where it is binary
#pragma once

#include "base/result.h"
#include "bridge/task.h"

namespace stator::bridge {

// Writes batch.payload, and batch.lsn_at for every place where an item wants its LSN.
// Error kResourcesExhausted: larger than an answer may be.
Status write_batch_answer(Task& batch);

}  // namespace stator::bridge
