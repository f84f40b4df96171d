// The `sort` argument: an order of documents by the values at several paths.
//
// Values as in packed/order.hpp, a missing one below all of them; descending is exactly the
// reverse. Rows that are equal so far go by their tie (the document id), in the direction of the
// last key.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.hpp"

#include "packed_json.h"

namespace stator::document {

inline constexpr std::size_t kSortKeysMax = 4;

struct SortKey {
  std::string path;
  bool is_descending = false;
};

// The values at the paths of one document; they borrow its bytes.
struct SortValues {
  std::array<Value, kSortKeysMax> values;
  std::array<bool, kSortKeysMax> exists{};
};

struct SortPoint {
  const SortValues& values;
  std::string_view tie;
};

class SortOrder {
 public:
  // [{"age":"desc"},"name"]: STATOR_OK, or a refusal. Absent: no keys, the order of the ties.
  Status parse(const Args& args, std::size_t index, Reply& reply);

  const std::vector<SortKey>& keys() const { return keys_; }
  SortValues values_of(const Value& root) const;
  // Negative if `a` stands before `b`.
  int compare(const SortPoint& a, const SortPoint& b) const;

  // Per key 00, or 01 and the packed value.
  std::string pack(const SortValues& values) const;
  // False for bytes that pack() could not have made; they may be anyone's.
  bool unpack(std::string_view bytes, SortValues& out) const;

 private:
  Status parse_element(json::Reader& reader, Reply& reply);

  std::vector<SortKey> keys_;
};

}  // namespace stator::document
