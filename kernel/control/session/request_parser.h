// A frame's body becomes a typed request, or one error that names the field.
//
// One pass when `op` comes first (as every client writes it); otherwise the body is looked through
// for `op` before.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "bridge/task.h"
#include "control/ops/op_table.h"

namespace stator::session {

// What a connection's hello set for requests that do not say otherwise.
struct ParseDefaults {
  bridge::PayloadFormat payload_format = bridge::PayloadFormat::kBase64;
  bool is_strict = false;
  std::uint64_t now_ns = 0;
};

class RequestParser {
 public:
  explicit RequestParser(const ops::OpTable& table) : table_(table) {}

  // Fills `task` (shared fields, args, deadline) and returns the op. On an error the task's
  // client_id and payload_format are set as far as the body can be read, so that the answer can
  // carry them.
  Result<const ops::OpEntry*> parse(ByteView body, const ParseDefaults& defaults,
                                    bridge::Task& task) const;

 private:
  const ops::OpTable& table_;
};

}  // namespace stator::session
