// What the engine writes to the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stator::crdt {

enum RecordType : std::uint32_t {
  kUpdateRecord = 1,  // UpdateRecord
  kPolicyRecord = 2,  // the policy as canonical JSON
};

// One checked update of one document.
struct UpdateRecord {
  std::string_view document_id;
  std::uint64_t peer_id = 0;
  std::optional<std::uint64_t> mutation_id;
  std::string_view update;
};

std::string encode(const UpdateRecord& record);
// Views point into `bytes`. Throws std::runtime_error where they are not what encode() writes.
UpdateRecord decode_update_record(std::string_view bytes);

}  // namespace stator::crdt
