// What an index is: its paths, what of them it holds, and the definition's stored forms.
//
//   stored value   01                 typed, on the one path that is its name; ready
//                  02, form           any other; ready
//                  03, state u8, reason, form   reason and texts as in the form
//   form           kind u8, collation u8, number of paths u8, paths, where: each text as varint
//                  size, bytes; of kind 3 then expire_after_ms as varint
//   record define  name (varint size, bytes), form
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stator::document {

// Numbers on disk.
enum class IndexKind : std::uint8_t {
  kTyped = 0,   // one entry a document: the values at its paths
  kArray = 1,   // the elements of the array at its path
  kUnique = 2,  // typed, and no two documents have the same values (unique_key.h)
  kTtl = 3      // typed, on one path: documents are over at the time it says (expiry.h)
};
enum class Collation : std::uint8_t {
  kBinary = 0,
  kNoCase = 1  // A-Z as a-z; finds texts whatever their case, gives no order
};

// Numbers on disk. The same on all lanes at each LSN.
enum class IndexState : std::uint8_t {
  kReady = 0,
  kBuilding = 1,   // kept by every write; documents that were there before are indexed by work
  kDuplicate = 2,  // failed: of a unique one, two documents have one value
  kUnfit = 3,      // failed: of a unique one, a document has a value that it cannot hold
  kDropping = 4    // its entries are removed by work, then it is gone
};

inline constexpr std::size_t kIndexPathsMax = 4;
// What is left of a key for the values is then at least 39 bytes.
inline constexpr std::size_t kIndexNameBytesMax = 64;

struct IndexDefinition {
  std::string name;  // unique in the collection
  std::vector<std::string> paths;
  IndexKind kind = IndexKind::kTyped;
  Collation collation = Collation::kBinary;
  std::string where;    // a filter's text; empty: all documents
  std::string program;  // of where
  std::uint64_t expire_after_ms = 0;  // of kTtl

  bool is_unique() const { return kind == IndexKind::kUnique; }
  IndexState state = IndexState::kReady;
  std::string reason;  // of one that failed: a sentence

  // How far the lane is with an index that is built. In memory alone: it begins anew when the
  // engine is opened.
  std::string built_up_to;  // documents below this id are indexed
  bool is_built = false;    // all that were there before it
  std::uint64_t built_documents = 0;
  // Of one that is dropped: keys below these are erased. Walks begin there, for what was erased
  // costs them time until it is written to the base.
  std::string erased_entries_to;
  std::string erased_claims_to;

  bool is_ready() const { return state == IndexState::kReady; }
  bool has_failed() const { return state == IndexState::kDuplicate || state == IndexState::kUnfit; }
  // Writes keep it; one that failed or is dropped refuses nothing either.
  bool is_kept() const { return is_ready() || state == IndexState::kBuilding; }
  bool is_ttl() const { return kind == IndexKind::kTtl; }
  // One path, in the order of values, all documents that have it.
  bool gives_order_of(std::string_view path) const {
    return kind != IndexKind::kArray && collation == Collation::kBinary && where.empty() &&
           paths.size() == 1 && paths.front() == path;
  }
};

// A typed index on one path, named after it: what plain index_create makes.
IndexDefinition plain_index(std::string_view path);

std::string definition_record(const IndexDefinition& definition);
// But for their states.
bool is_same_index(const IndexDefinition& a, const IndexDefinition& b);
// Both read what prepare checked; false for bytes that no definition has.
bool read_definition_record(std::string_view payload, IndexDefinition& out);
std::string stored_definition(const IndexDefinition& definition);
bool read_stored_definition(std::string_view name, std::string_view value, IndexDefinition& out);

}  // namespace stator::document
