#include "control/session/batch_request.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include "stator/args.hpp"
#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "base/base64.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "control/gate/gate.h"
#include "control/gate/repeat_key.h"
#include "control/session/session.h"
#include "control/session/session_ops.h"

namespace stator::session {
namespace {

using bridge::Task;

std::string place_of(std::size_t index) { return "ops[" + std::to_string(index) + "]"; }

Error inside(std::size_t index, const Error& error) {
  const std::string place = place_of(index);
  return Error(error.code(), error.field().empty() ? place : place + "." + error.field(),
               place + ": " + error.sentence())
      .with_hint(error.hint())
      .with_retry_after(error.retry_after_ms());
}

// These belong to the batch as a whole.
constexpr std::array<std::string_view, 9> kFieldsOfTheBatch = {
    "id",     "deadline_ms", "priority",       "consistency", "min_lsn", "idempotency_key",
    "strict", "trace_id",    "payload_format",
};

Status check_fields(ByteView body) {
  json::Reader reader(body);
  if (reader.peek() != json::Kind::kObject) return Error(ErrorCode::kBadRequest, "must be an object");
  json::RawString key;
  std::string_view ignored;
  for (reader.enter_object(); reader.next_key(key) && reader.skip(ignored);) {
    const auto* found = std::find(kFieldsOfTheBatch.begin(), kFieldsOfTheBatch.end(), key.text);
    if (found == kFieldsOfTheBatch.end()) continue;
    return Error(ErrorCode::kBadRequest, std::string(*found),
                 "'" + std::string(*found) + "' belongs to the batch, not to one of its ops");
  }
  return ok_status();
}

class BatchReader {
 public:
  BatchReader(const BatchReading& reading, Task& batch) : reading_(reading), batch_(batch) {}

  Status read_all(ByteView ops) STATOR_ON(lane) {
    json::Reader reader(ops);
    std::string_view body;
    for (reader.enter_array(); reader.next_element() && reader.skip(body);) {
      const std::size_t index = batch_.items.size();
      if (index == kBatchOpsMax) return wrong_count();
      if (auto status = read_one(body, index); !status.ok()) return inside(index, status.error());
    }
    STATOR_ASSERT(!reader.failed());  // the binder has read it
    // A read that pauses would let writes pass that stand behind it.
    for (Task* item : batch_.items) item->is_in_one_piece = has_write_;
    return batch_.items.empty() ? wrong_count() : ok_status();
  }

  // Of the requests, where the batch has an idempotency key.
  const std::vector<std::uint64_t>& hashes() const { return hashes_; }

 private:
  static Status wrong_count() {
    return Error(ErrorCode::kBadRequest, "ops",
                 "'ops' must have 1 to " + std::to_string(kBatchOpsMax) + " requests");
  }

  Status read_one(ByteView body, std::size_t index) STATOR_ON(lane) {
    STATOR_CHECK(check_fields(body));
    Task* item = reading_.host.pool->take();
    batch_.items.push_back(item);
    item->item = static_cast<std::uint32_t>(index);
    ParseDefaults defaults = reading_.defaults;
    defaults.is_strict = batch_.is_strict;
    STATOR_TRY(const ops::OpEntry* entry, reading_.parser.parse(body, defaults, *item));
    if (entry->op == nullptr) {
      return Error(ErrorCode::kBadRequest, "op",
                   std::string(entry->row->name) + " concerns the connection and cannot be part of a batch");
    }
    const std::size_t stream = entry->args.stream();
    if (stream != ops::kNoArg && args_of(*item).boolean(stream)) {
      return Error(ErrorCode::kBadRequest, std::string(entry->args.name(stream)),
                   "an op of a batch has one answer: 'stream' goes without it");
    }
    STATOR_CHECK(check_memory(reading_.host, *entry));
    item->priority = batch_.priority;
    STATOR_CHECK(gate::admit(reading_.identity, *entry, reading_.host.table->catalog(),
                             reading_.defaults.now_ns, *item));
    STATOR_CHECK(reading_.host.dispatcher->place(item, gate::route_of(*entry)));
    item->deadline_ns = batch_.deadline_ns;
    item->trace_id = batch_.trace_id;
    item->consistency = batch_.consistency;
    if (!batch_.idempotency_key.empty()) hashes_.push_back(gate::hash_of_request(*entry, *item));
    if (entry->row->op_class == STATOR_OP_READ) return ok_status();
    has_write_ = true;
    return batch_.is_atomic ? check_target(*entry, *item) : ok_status();
  }

  // What one op changes another one cannot see yet: two writes of one thing would each be checked
  // against a state that the other one ends.
  Status check_target(const ops::OpEntry& entry, const Task& item) {
    std::string target = std::to_string(entry.op->engine) + '\0' + item.collection;
    const bool is_document = entry.row->placement == STATOR_PLACE_DOCUMENT;
    if (is_document) {
      const Args args(reinterpret_cast<const stator_arg_block*>(item.args.data()));
      target.append(1, '\0').append(args.str(entry.args.routing_key()));
    }
    if (written_.insert(std::move(target)).second) return ok_status();
    if (is_document) {
      const std::string field(entry.args.name(entry.args.routing_key()));
      return Error(ErrorCode::kBadRequest, field, "an earlier op of the batch writes the same '" + field + "'")
          .with_hint("every op of a batch sees the state before it; send one write, or atomic:false");
    }
    return Error(ErrorCode::kBadRequest, "op", "an earlier op of the batch writes the same collection")
        .with_hint("use an op that takes several rows, or atomic:false");
  }

  const BatchReading& reading_;
  Task& batch_;
  std::vector<std::uint64_t> hashes_;
  std::unordered_set<std::string> written_;
  bool has_write_ = false;
};

void write_error_of(const Task& item, json::Writer& json) {
  json.field("status", std::string_view("error")).field("error_code", wire_name(item.code));
  json.field("error", std::string_view(item.error_sentence));
  if (!item.error_field.empty()) json.field("field", std::string_view(item.error_field));
  if (item.retry_after_ms != 0) json.field("retry_after_ms", item.retry_after_ms);
}

Error too_large_but_done() {
  return Error(ErrorCode::kResourcesExhausted, "ops",
               "the answers of the batch are too large together; its ops were carried out");
}

void write_payload_of(const Task& item, json::Writer& json) {
  json.field("status", std::string_view("ok")).key("payload");
  if (item.payload.empty()) {
    json.null();
  } else if (item.payload_is_binary) {
    json.string(base64_encode(item.payload.view()));
  } else {
    json.raw(item.payload.view());
  }
}

}  // namespace

Status read_batch(const BatchReading& reading, Task& batch) {
  const Args args(reinterpret_cast<const stator_arg_block*>(batch.args.data()));
  batch.is_atomic = args.boolean(batch_args::kAtomic);
  batch.tenant = reading.identity.tenant;
  if (!batch.is_atomic && !batch.idempotency_key.empty()) {
    return Error(ErrorCode::kBadRequest, "idempotency_key",
                 "'idempotency_key' needs an atomic batch: only that has one answer to keep");
  }
  BatchReader reader(reading, batch);
  STATOR_CHECK(reader.read_all(args.str(batch_args::kOps)));
  gate::complete_key_of_batch(reading.identity, reader.hashes(), batch);
  return ok_status();
}

void write_each_answer(Task& batch) {
  if (batch.code != ErrorCode::kOk) return;
  if (batch.items_bytes > kPayloadBytesMax) return batch.refuse(too_large_but_done());
  json::StringOut out;
  json::Writer json(out);
  json.begin_array();
  for (const Task* item : batch.items) {
    json.begin_object();
    item->code == ErrorCode::kOk ? write_payload_of(*item, json) : write_error_of(*item, json);
    json.end_object();
  }
  json.end_array();
  if (out.view().size() > kPayloadBytesMax) return batch.refuse(too_large_but_done());
  batch.payload.append(out.view());
}

}  // namespace stator::session
