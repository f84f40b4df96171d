// The vectors of one collection in memory: one flat array of aligned rows, searched exactly.
//
// Derived from what is stored (README.md) and rebuilt in open. Rows are dense: deleting moves the
// last row into the gap, so a slot number means nothing across a write. Payloads are kept beside
// the vectors, so that a search that pauses sees both as of one write. Belongs to one lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collection/rule.h"

namespace stator::vector {

// A cache line of floats: std::vector allocates it 64-byte aligned.
struct alignas(64) Line {
  float values[16];
};
inline constexpr std::size_t kLineFloats = 16;

// One vector in the form that is searched: padded with zeros to whole lines; of unit length under
// cosine, so that its distance is a dot product whatever the magnitudes were.
class SearchRow {
 public:
  SearchRow(const Rule& rule, std::span<const float> values);
  const float* data() const { return lines_.data()->values; }

 private:
  std::vector<Line> lines_;
};

class Collection {
 public:
  explicit Collection(const Rule& rule);

  const Rule& rule() const { return rule_; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(entries_.size()); }
  bool contains(std::string_view document_id) const { return slots_.contains(document_id); }

  // Adds or replaces, the payload (a packed object, or empty: none) too. `values` are rule().dim
  // float32 of any alignment.
  void put(std::string_view document_id, std::string_view values, std::string_view payload);
  // Of a vector that is there.
  void put_payload(std::string_view document_id, std::string_view payload);
  // False if it was not there.
  bool erase(std::string_view document_id);

  // Erases some, the last ones, cheaply; false if none are left. Nobody visits it.
  bool shrink(std::uint32_t at_most);

  // While one lives, the ids that document_id() gave last, also of vectors that are erased: for a
  // walk over the slots that is left in the middle while others write.
  class Visit {
   public:
    explicit Visit(const Collection& collection) : collection_(collection) { ++collection.visits_; }
    ~Visit() {
      if (--collection_.visits_ == 0) collection_.erased_.clear();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    const Collection& collection_;
  };
  // Becomes another number with each write.
  std::uint64_t changes() const { return changes_; }

  // slot < count(). Views and pointers last until the next write.
  std::string_view document_id(std::uint32_t slot) const { return entries_[slot]->first; }
  // Empty: the vector has none.
  std::string_view payload(std::uint32_t slot) const {
    return view(entries_[slot]->second.payload);
  }
  // nullopt: there is no such vector.
  std::optional<std::string_view> payload_of(std::string_view document_id) const {
    const auto found = slots_.find(document_id);
    if (found == slots_.end()) return std::nullopt;
    return view(found->second.payload);
  }
  const float* row(std::uint32_t slot) const {
    return lines_.data()[std::size_t{slot} * row_lines_].values;
  }
  std::size_t row_floats() const { return row_lines_ * kLineFloats; }

 private:
  void give_back_room();

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  // Most vectors have none: eight bytes then.
  using Payload = std::unique_ptr<const std::string>;
  static Payload copy_of(std::string_view payload) {
    return payload.empty() ? nullptr : std::make_unique<const std::string>(payload);
  }
  static std::string_view view(const Payload& payload) {
    return payload == nullptr ? std::string_view() : std::string_view(*payload);
  }

  Rule rule_;
  std::size_t row_lines_;
  std::vector<Line> lines_;              // count() rows of row_lines_
  struct Place {
    std::uint32_t slot;
    Payload payload;
  };
  using Slots = std::unordered_map<std::string, Place, Hash, std::equal_to<>>;
  std::vector<Slots::value_type*> entries_;  // by slot; what is in slots_ stays where it is
  Slots slots_;
  std::uint64_t changes_ = 0;
  mutable std::size_t visits_ = 0;
  mutable std::vector<Slots::node_type> erased_;  // during visits: their ids are looked at
};

}  // namespace stator::vector
