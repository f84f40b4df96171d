// The fields that a request of every op may have: where it goes, how it is answered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stator/json_reader.hpp"

#include "base/limits.h"
#include "base/result.h"
#include "bridge/task.h"

namespace stator::session {

enum class Field : std::uint8_t {
  kNone,
  kId,
  kOp,
  kStrict,
  kMinLsn,
  kPriority,
  kTraceId,
  kTenantId,
  kCollection,
  kDeadlineMs,
  kConsistency,
  kPayloadFormat,
  kIdempotencyKey,
};

// kNone: no shared field has that name.
Field field_of(std::string_view name);

// `reader` found a fault outside of any field of the op's own.
[[gnu::cold]] Error broken(const json::Reader& reader);

// A text, without its escapes. False: there is none.
bool read_string(json::Reader& reader, std::string& out);

// Reads them into a task.
class SharedFields {
 public:
  // `is_strict`: what a request is that does not say.
  SharedFields(bridge::Task& task, bool is_strict) : task_(task), is_strict_(is_strict) {}

  // The reader stands on the value. `op` and `tenant_id` are passed over: the one is read by the
  // parser, the other is the identity's.
  Status read(Field field, json::Reader& reader);

  bool is_strict() const { return is_strict_; }
  std::uint32_t deadline_ms() const { return deadline_ms_; }

 private:
  Status read_collection(json::Reader& reader);
  Status read_other(Field field, json::Reader& reader);
  Status read_id(json::Reader& reader);
  Status read_deadline(json::Reader& reader);
  Status read_min_lsn(json::Reader& reader);
  Status read_strict(json::Reader& reader);
  Status read_priority(json::Reader& reader);
  Status read_consistency(json::Reader& reader);
  Status read_payload_format(json::Reader& reader);
  Status read_idempotency_key(json::Reader& reader);
  Status read_trace_id(json::Reader& reader);
  bool take_idempotency_key(json::Reader& reader);
  bool take_trace_id(json::Reader& reader);

  bridge::Task& task_;
  bool is_strict_;
  std::uint32_t deadline_ms_ = kDeadlineMsDefault;
};

}  // namespace stator::session
