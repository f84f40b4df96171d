// The conflict policy of a collection: the JSON of nodedb 0.0.0-beta.1.
//
//   {"unique":P,"foreign_key":P,"not_null":P,"check":P,"strict_consistency":bool}
//   P: "LastWriterWins" | "RenameSuffix" | "EscalateToDlq"
//    | {"CascadeDefer":{"max_retries":1..2^32-1,"ttl_secs":>0}}
//    | {"Custom":{"webhook_url":"http(s)://...","timeout_secs":>0}}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stator/json_writer.hpp"

namespace stator::crdt {

enum class Resolution : std::uint8_t {
  kLastWriterWins,
  kRenameSuffix,
  kEscalateToDlq,
  kCascadeDefer,
  kCustom,
};

struct ConflictRule {
  Resolution resolution = Resolution::kLastWriterWins;
  std::uint64_t max_retries = 0;   // kCascadeDefer
  std::uint64_t ttl_secs = 0;      // kCascadeDefer
  std::string webhook_url;         // kCustom
  std::uint64_t timeout_secs = 0;  // kCustom
};

struct CollectionPolicy {
  ConflictRule unique;
  ConflictRule foreign_key;
  ConflictRule not_null;
  ConflictRule check;
  bool strict_consistency = false;
};

// What holds where nothing was set: the preset "ephemeral".
CollectionPolicy default_policy();

// All keys are required, no other is allowed. On refusal `why` is a sentence that names the key.
bool parse_policy(std::string_view json, CollectionPolicy& out, std::string& why);

// The five members, in their order, into an object that is open.
void write_policy_members(const CollectionPolicy& policy, json::Writer& out);
// The canonical text, as stored.
std::string policy_json(const CollectionPolicy& policy);

}  // namespace stator::crdt
