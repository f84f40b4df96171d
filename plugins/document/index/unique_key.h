// What a document claims in a unique index: one key of Space::kClaims, whose value is the
// document's id. A claim lies on the vShard of its key, wherever its document lies (docs/adr/0032).
//
//   key = name size u8, name, values     as in index_key.h, but never cut
#pragma once

#include <string>

#include "index/definition.h"
#include "packed_json.h"

namespace stator::document {

enum class UniqueKeyFault : std::uint8_t {
  kNone,
  kTooLong,    // the values do not fit a key
  kContainer,  // an array or object
};

// Empties `key` where the document claims nothing: it lacks one of the paths, or `where` does not
// select it. null is a value like others. With a fault nothing is claimed.
UniqueKeyFault make_unique_key(const IndexDefinition& index, const Value& root, std::string& key);

}  // namespace stator::document
