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

// The aggregates of one group.
using GroupRow = std::vector<Accumulator>;

// Which groups an answer is to have.
struct GroupPage {
  bool has_position = false;
  std::string_view after = {};     // only groups whose key lies behind this one,
  std::string_view progress = {};  // and where it is not empty this one, whose passes go on
  std::size_t limit = 0;           // 0: all, or none where they are too large
};

// What is asked: `aggs` {"name":{"sum":"path"}, "p":{"percentile":["path",0.95]}} and `group_by`.
class AggregatePlan {
 public:
  // STATOR_OK, or a refusal.
  Status parse(const Args& args, std::size_t aggs, std::size_t group_by, Reply& reply);
  const std::vector<AggregateSpec>& specs() const { return specs_; }
  const std::vector<std::string>& paths() const { return paths_; }
  // These bytes, whoever made them, are the key of a group.
  bool is_key(std::string_view bytes) const;
  // The aggregates of a group that has no documents yet; of the page's `after` as far as they are.
  GroupRow row_for(const GroupPage& page, std::string_view key) const;
  // These bytes, whoever made them, are a row's progress.
  bool is_progress(std::string_view bytes) const;

 private:
  bool parse_aggregate(json::Reader& reader, AggregateSpec& spec) const;
  bool resume(GroupRow& row, std::string_view progress) const;

  std::vector<AggregateSpec> specs_;
  std::vector<std::string> paths_;
};

// Groups by the values at the plan's paths; values that are equal by packed/order.hpp are one
// group, shown as it came first; a missing value is a group of its own, below all others.
//
// Where the page has a limit the first groups are kept, as many as there is room for: what makes
// them too many, or too large, is the last group, which is dropped with all that lies behind it. So
// each group that stays has seen every document of its own. The first one of all, where it is too
// large alone, lets go of values and is seen again by the next page
// (docs/adr/0058-pages-of-groups.md).
class Groups {
 public:
  Groups(const AggregatePlan& plan, const GroupPage& page);

  void add(const Value& root);
  // Beyond what can be dropped.
  bool is_too_large() const { return bytes_ > kGroupBytesMax; }
  // A lane's part: cut u8 (1: groups were dropped), then in the order of their keys: key size u32,
  // key, aggregates. Little-endian, between the lanes of one process only.
  void save(std::string& out) const;

 private:
  struct Before {
    bool operator()(const std::string& a, const std::string& b) const;
  };
  bool wants(const std::string& key) const;
  GroupRow& row_of(const std::string& key);
  void drop_last();
  bool make_room();

  const AggregatePlan& plan_;
  const GroupPage page_;
  const std::size_t row_bytes_;                   // of a group without key and values
  std::map<std::string, GroupRow, Before> rows_;  // by the values: per path 00, or 01 and the value
  std::size_t bytes_ = 0;
  bool is_cut_ = false;
  std::string cut_;  // if it is: groups from this key on were dropped
};

// Gives the groups of all lanes' parts one by one, in the order of their keys.
class GroupMerger {
 public:
  GroupMerger(const AggregatePlan& plan, const GroupPage& page, const Parts& parts);

  // STATOR_OK, also where there is none any more: is_at_group() tells.
  Status next(const Request& request);
  bool is_at_group() const { return is_at_group_; }
  const std::string& key() const { return key_; }
  // {"key":{path: value},"values":{name: result}}
  void write(json::Writer& writer);
  // The same of a group without documents.
  void write_empty(json::Writer& writer);
  // There are groups behind this one, or behind what a lane has dropped there may be.
  bool has_more() const { return !lanes_.empty() || is_cut_ || is_partial_; }
  // It ended because the values of the group at key() take another pass, from this progress.
  bool is_partial() const { return is_partial_; }
  std::string progress() const;
  // It ended because the values of one group are too many.
  bool is_too_large() const { return is_too_large_; }

 private:
  struct Lane {
    std::string_view rest;
    std::string_view key;
    bool is_cut = false;
  };
  // To the lane's next group; false: there is none.
  bool advance(Lane& lane);
  // The group of the lane's key; false: it ends here.
  bool take(Lane& lane);
  // That of key() of all lanes; false: it ends here.
  bool take_all();
  Status settle(const Request& request);

  const AggregatePlan& plan_;
  const GroupPage page_;
  std::vector<Lane> lanes_;  // those that have a group
  std::string key_;
  GroupRow row_;
  bool is_at_group_ = false;
  bool is_cut_ = false;
  bool is_partial_ = false;
  bool is_too_large_ = false;
  bool is_damaged_ = false;
};

}  // namespace stator::document
