// The aggregates of all groups on one lane, and of all lanes: what document_aggregate keeps.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.hpp"

#include "aggregate/accumulator.h"
#include "packed_json.h"

namespace stator::document {

inline constexpr std::size_t kAggregatesMax = 16;
inline constexpr std::size_t kGroupPathsMax = 4;
// What one lane holds for one request, and all of them while they are merged.
inline constexpr std::size_t kGroupBytesMax = 8 * 1024 * 1024;

struct AggregateSpec {
  std::string name;
  AggregateKind kind = AggregateKind::kCount;
  std::string path;     // "*": the document itself
  double fraction = 0;  // of percentile, 0..1
};

// What is asked: `aggs` {"name":{"sum":"path"}, "p":{"percentile":["path",0.95]}} and `group_by`.
class AggregatePlan {
 public:
  // STATOR_OK, or a refusal.
  Status parse(const Args& args, std::size_t aggs, std::size_t group_by, Reply& reply);
  const std::vector<AggregateSpec>& specs() const { return specs_; }
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  bool parse_aggregate(json::Reader& reader, AggregateSpec& spec) const;

  std::vector<AggregateSpec> specs_;
  std::vector<std::string> paths_;
};

// Groups by the values at the plan's paths; values that are equal by packed/order.hpp are one
// group, shown as it came first; a missing value is a group of its own, below all others.
class Groups {
 public:
  explicit Groups(const AggregatePlan& plan) : plan_(plan) {}

  void add(const Value& root);
  void save(std::string& out) const;
  // Adds what save() of the same plan wrote; false for other bytes.
  bool merge(std::string_view bytes);
  bool is_too_large() const { return bytes_ > kGroupBytesMax; }
  // [{"key":{path: value},"values":{name: result}}] in the order of the keys. Without group_by
  // there is one group, also of no documents.
  void write(json::Writer& writer);

 private:
  using Row = std::vector<Accumulator>;
  struct Before {
    bool operator()(const std::string& a, const std::string& b) const;
  };
  Row& row_of(const std::string& key);
  void write_key(const std::string& key, json::Writer& writer) const;

  const AggregatePlan& plan_;
  std::map<std::string, Row, Before> rows_;  // by the values: per path 00, or 01 and the value
  std::size_t bytes_ = 0;
};

}  // namespace stator::document
