// A frame's body becomes a typed request, or one error that names the field.
//
// One pass when `op` comes first (as every client writes it); otherwise the body is looked through
// for `op` before. A body whose `strict` differs from the connection's is read twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

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

// Says which engine a collection of the request's tenant belongs to; empty: none.
class CollectionOwners {
 public:
  virtual ~CollectionOwners() = default;
  virtual std::string_view engine_of(std::string_view collection) = 0;
};

class RequestParser {
 public:
  // Both outlive it. Without `owners` every collection belongs to no engine.
  explicit RequestParser(const ops::OpTable& table, CollectionOwners* owners = nullptr)
      : table_(table), owners_(owners) {}

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
  const ops::OpEntry* find_entry(std::string_view name);
  Result<const ops::OpEntry*> read(ByteView body, json::Reader rest, const ops::OpEntry& entry,
                                   const ParseDefaults& defaults, bridge::Task& task);
  Result<const ops::OpEntry*> read_chosen(ByteView body, const ops::OpEntry& named,
                                          const ParseDefaults& defaults, bridge::Task& task);
  Status read_body(ByteView body, json::Reader rest, const ops::OpEntry& entry, bridge::Task& task,
                   std::uint32_t& deadline_ms);
  Status read_fields(json::Reader reader, const ops::OpEntry& entry, bridge::Task& task,
                     std::uint32_t& deadline_ms, std::optional<bool>& given);

  const ops::OpTable& table_;
  CollectionOwners* owners_;
  const ops::OpEntry* last_ = nullptr;
  std::string_view last_name_;
  std::vector<std::string_view> seen_;  // names of a strict request's fields so far
};

}  // namespace stator::session
