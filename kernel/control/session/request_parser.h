// A frame's body becomes a typed request, or one error that names the field.
//
// One pass; where a field of the op's own stands before `op`, the rest is looked through for it. A
// body whose `strict` differs from the connection's is read twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

#include "base/limits.h"
#include "base/result.h"
#include "bridge/task.h"
#include "control/ops/op_table.h"
#include "control/session/field_order.h"

namespace stator::session {

// What a connection's hello set for requests that do not say otherwise.
struct ParseDefaults {
  bridge::PayloadFormat payload_format = bridge::PayloadFormat::kBase64;
  bool is_strict = false;
  std::uint64_t now_ns = 0;
};

// Says which engine a collection of the request's tenant belongs to; empty: none.
class CollectionOwners {
 public:
  virtual ~CollectionOwners() = default;
  virtual std::string_view engine_of(std::string_view collection) = 0;
};

class RequestParser {
 public:
  // All outlive it. `orders` is for this table alone; it may be shared by parsers of one thread.
  // Without `owners` every collection belongs to no engine.
  RequestParser(const ops::OpTable& table, FieldOrders& orders, CollectionOwners* owners = nullptr);

  // Fills `task` (shared fields, args, deadline) and returns the op. On an error the task's
  // client_id and payload_format are set as far as the body can be read, so that the answer can
  // carry them.
  Result<const ops::OpEntry*> parse(ByteView body, const ParseDefaults& defaults,
                                    bridge::Task& task);
  // The same of a request whose op is named beside its body; an `op` in the body means nothing. An
  // empty body is an empty object.
  Result<const ops::OpEntry*> parse_named(std::string_view op, ByteView body,
                                          const ParseDefaults& defaults, bridge::Task& task);

 private:
  struct Pass;

  Result<const ops::OpEntry*> read(ByteView body, const ops::OpEntry* named,
                                   const ParseDefaults& defaults, bridge::Task& task);
  Status read_fields(Pass& pass, const ops::OpEntry* named);
  Status read_name(Pass& pass, FieldOrder::Meaning& meaning);
  Status understand(Pass& pass, std::string_view name, FieldOrder::Meaning& meaning);
  Status read_value(Pass& pass, FieldOrder::Meaning meaning);
  Status note_name(std::string_view name);
  Status read_op(json::Reader& reader, Pass& pass);
  Status find_op(Pass& pass);
  Status begin_op(const ops::OpEntry& named, Pass& pass);
  void begin_args(const ops::OpEntry& entry, Pass& pass);
  const ops::OpEntry* find_entry(std::string_view name) const;
  FieldOrder& order_of(const ops::OpEntry& entry);

  const ops::OpTable& table_;
  FieldOrders& orders_;  // the first is that of the fields before an op is known
  CollectionOwners* owners_;
  std::vector<std::string> seen_;  // names of a strict request's fields so far
};

}  // namespace stator::session
