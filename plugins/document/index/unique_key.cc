#include "index/unique_key.h"

#include "stator/filter/matches.hpp"
#include "stator/services.h"

#include "index/index_key.h"

namespace stator::document {

UniqueKeyFault make_unique_key(const IndexDefinition& index, const Value& root, std::string& key) {
  key.clear();
  if (!index.program.empty() && !filter::matches(index.program, root)) return UniqueKeyFault::kNone;
  std::string made = index_prefix(index);
  UniqueKeyFault fault = UniqueKeyFault::kNone;
  for (const std::string& path : index.paths) {
    Value value;
    if (!find_path(root, path, value)) return UniqueKeyFault::kNone;
    if (fault != UniqueKeyFault::kNone) continue;
    if (value.tag == Tag::kArray || value.tag == Tag::kObject) {
      fault = UniqueKeyFault::kContainer;
      continue;
    }
    const std::size_t room = STATOR_KV_KEY_BYTES_MAX - made.size();
    const IndexValue coded =
        room < kIndexValueRoomMin ? IndexValue{{}, true} : encode_for(index, value, room);
    if (coded.is_cut) fault = UniqueKeyFault::kTooLong;
    made.append(coded.bytes);
  }
  if (fault == UniqueKeyFault::kNone) key = std::move(made);
  return fault;
}

}  // namespace stator::document
