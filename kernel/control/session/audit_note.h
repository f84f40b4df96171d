// What the audit log will say of a request, noted when it comes and written when its answer is known.
#pragma once

#include <string>

#include "bridge/task.h"
#include "control/ops/op_table.h"

namespace stator::session {

struct AuditNote {
  std::string op;
  std::string details;  // JSON object text; empty = none
  // Who asked: the connection may be somebody else's when the answer comes.
  std::string user = {};
  std::uint32_t tenant = 0;
};

// Ops that change who may do what, how data is kept, or the server.
bool is_audited(const ops::OpEntry& entry);

// The op with its arguments, those that hold secrets and the kernel's own left out.
AuditNote note_of(const ops::OpEntry& entry, const bridge::Task& task);

// Of a batch whose items were read: the names of its audited ops; an empty op if there is none.
AuditNote note_of_batch(const ops::OpTable& table, const bridge::Task& batch);

}  // namespace stator::session
