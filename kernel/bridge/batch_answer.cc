#include "bridge/batch_answer.h"

#include "base/base64.h"
#include "base/limits.h"

namespace stator::bridge {
namespace {

// Of an item, for the next one.
constexpr std::size_t kKeepBytes = 4096;

void write_payload(const Task& item, Task& batch) {
  const ByteView payload = item.payload.view();
  if (payload.empty()) return batch.payload.append("null");
  if (item.payload_is_binary) {
    batch.payload.append("\"");
    batch.payload.append(base64_encode(payload));
    return batch.payload.append("\"");
  }
  for (const LsnPlace& place : item.lsn_at) {
    batch.lsn_at.push_back(
        {static_cast<std::uint32_t>(batch.payload.size()) + place.at, item.first_record});
  }
  batch.payload.append(payload);
}

}  // namespace

Error answers_too_large() {
  return Error(ErrorCode::kResourcesExhausted, "ops",
               "the answers of the batch are too large together");
}

Status write_batch_answer(Task& batch) {
  batch.payload.append("[");
  for (const Task* item : batch.items) {
    if (item->item != 0) batch.payload.append(",");
    batch.payload.append(R"({"status":"ok","payload":)");
    write_payload(*item, batch);
    batch.payload.append("}");
    if (batch.payload.size() > kPayloadBytesMax) {
      return answers_too_large();
    }
  }
  batch.payload.append("]");
  return ok_status();
}

void forget_item_answers(Task& batch) {
  for (Task* item : batch.items) item->payload.rest(kKeepBytes);
}

}  // namespace stator::bridge
