#include "aggregate/groups.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace stator::document {
namespace {

constexpr const char* kForm =
    "'aggs' is {name: {kind: path}} of 1 to 16; percentile takes [path, fraction]";
constexpr std::string_view kKinds[] = {"count",          "sum",    "avg",       "min", "max",
                                       "count_distinct", "stddev", "percentile"};
constexpr std::size_t kGroupBytes = 96;  // of a group beside its key
constexpr std::size_t kAccumulatorBytes = sizeof(Accumulator);

// One value of a group's key; false where it is missing.
bool take_value(std::string_view& key, Value& value) {
  const bool exists = !key.empty() && key.front() != '\0';
  if (!key.empty()) key.remove_prefix(1);
  if (!exists) return false;
  value = read_value(key);
  key.remove_prefix(value.bytes.size());
  return true;
}

// Negative if `left` stands before `right`.
int compare_keys(std::string_view left, std::string_view right) {
  while (!left.empty() && !right.empty()) {
    Value l;
    Value r;
    const bool has_left = take_value(left, l);
    const bool has_right = take_value(right, r);
    if (has_left != has_right) return has_right ? -1 : 1;
    if (!has_left) continue;
    if (const int order = compare_values(l, r); order != 0) return order;
  }
  return 0;
}

GroupRow empty_row(const AggregatePlan& plan) {
  GroupRow row;
  for (const AggregateSpec& spec : plan.specs()) row.emplace_back(spec.kind);
  return row;
}

void append_sized32(std::string& to, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  char raw[sizeof size];
  std::memcpy(raw, &size, sizeof size);
  to.append(raw, sizeof raw).append(bytes);
}

}  // namespace

Status AggregatePlan::parse(const Args& args, std::size_t aggs, std::size_t group_by,
                            Reply& reply) {
  for (std::size_t i = 0; i < args.count(group_by); ++i) {
    paths_.emplace_back(args.str_at(group_by, i));
    if (!is_valid_path(paths_.back())) {
      return reply.fail(STATOR_E_BAD_REQUEST, "group_by",
                        "'group_by' must hold paths of 1 to 512 bytes without empty segments");
    }
    // Names of one object: each once.
    if (std::find(paths_.begin(), paths_.end() - 1, paths_.back()) != paths_.end() - 1) {
      return reply.fail(STATOR_E_BAD_REQUEST, "group_by", "'group_by' has a path twice");
    }
  }
  json::Reader reader(args.str(aggs));
  json::RawString name;
  bool is_good = true;
  reader.enter_object();
  while (is_good && reader.next_key(name)) {
    AggregateSpec spec;
    spec.name = json::unescape(name);
    const bool is_named =
        std::any_of(specs_.begin(), specs_.end(),
                    [&](const AggregateSpec& other) { return other.name == spec.name; });
    if (is_named) return reply.fail(STATOR_E_BAD_REQUEST, "aggs", "'aggs' has a name twice");
    is_good = specs_.size() < kAggregatesMax && parse_aggregate(reader, spec);
    specs_.push_back(std::move(spec));
  }
  if (is_good && !specs_.empty()) return STATOR_OK;
  return reply.fail(STATOR_E_BAD_REQUEST, "aggs", kForm);
}

bool AggregatePlan::parse_aggregate(json::Reader& reader, AggregateSpec& spec) const {
  json::RawString text;
  if (reader.peek() != json::Kind::kObject || !reader.enter_object() || !reader.next_key(text)) {
    return false;
  }
  const auto* kind = std::find(std::begin(kKinds), std::end(kKinds), text.text);
  if (kind == std::end(kKinds)) return false;
  spec.kind = static_cast<AggregateKind>(kind - std::begin(kKinds));
  const bool is_percentile = spec.kind == AggregateKind::kPercentile;
  if (is_percentile &&
      (reader.peek() != json::Kind::kArray || !reader.enter_array() || !reader.next_element())) {
    return false;
  }
  if (reader.peek() != json::Kind::kString || !reader.string(text)) return false;
  spec.path = json::unescape(text);
  if (is_percentile) {
    std::string_view token;
    if (!reader.next_element() || reader.peek() != json::Kind::kNumber || !reader.number(token) ||
        !json::to_double(token, spec.fraction) || reader.next_element()) {
      return false;
    }
  }
  const bool is_star = spec.path == "*";
  const bool is_good = is_star ? spec.kind == AggregateKind::kCount : is_valid_path(spec.path);
  return is_good && !reader.next_key(text) && spec.fraction >= 0 && spec.fraction <= 1;
}

bool AggregatePlan::is_key(std::string_view bytes) const {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Value value;
    if (bytes.empty()) return false;
    const bool exists = bytes.front() != '\0';
    bytes.remove_prefix(1);
    if (exists && !take_checked(bytes, value)) return false;
  }
  return bytes.empty();
}

bool Groups::Before::operator()(const std::string& a, const std::string& b) const {
  return compare_keys(a, b) < 0;
}

bool Groups::wants(const std::string& key) const {
  if (page_.has_position && compare_keys(key, page_.after) <= 0) return false;
  return !is_cut_ || compare_keys(key, cut_) < 0;
}

GroupRow& Groups::row_of(const std::string& key) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) return found->second;
  GroupRow row = empty_row(plan_);
  bytes_ += key.size() + kGroupBytes + row.size() * kAccumulatorBytes;
  return rows_.emplace(key, std::move(row)).first->second;
}

void Groups::drop_last() {
  const auto last = std::prev(rows_.end());
  bytes_ -= last->first.size() + kGroupBytes + last->second.size() * kAccumulatorBytes;
  for (const Accumulator& accumulator : last->second) bytes_ -= accumulator.bytes();
  is_cut_ = true;
  cut_ = last->first;
  rows_.erase(last);
}

void Groups::add(const Value& root) {
  std::string key;
  Value value;
  for (const std::string& path : plan_.paths()) {
    const bool exists = find_path(root, path, value);
    key.push_back(exists ? '\x01' : '\x00');
    if (exists) key.append(value.bytes);
  }
  if (!wants(key)) return;
  GroupRow& row = row_of(key);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string& path = plan_.specs()[i].path;
    if (path == "*") {
      value = root;
    } else if (!find_path(root, path, value)) {
      continue;
    }
    bytes_ -= row[i].bytes();
    row[i].add(value);
    bytes_ += row[i].bytes();
  }
  if (page_.limit == 0) return;
  while (rows_.size() > 1 && (rows_.size() > page_.limit || is_too_large())) drop_last();
}

void Groups::save(std::string& out) const {
  out.push_back(is_cut_ ? '\x01' : '\x00');
  for (const auto& [key, row] : rows_) {
    append_sized32(out, key);
    for (const Accumulator& accumulator : row) accumulator.save(out);
  }
}

GroupMerger::GroupMerger(const AggregatePlan& plan, const Parts& parts) : plan_(plan) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Lane lane;
    lane.rest = parts[i];
    lane.is_cut = lane.rest.starts_with('\x01');
    is_damaged_ = is_damaged_ || lane.rest.empty();
    lane.rest.remove_prefix(std::min<std::size_t>(lane.rest.size(), 1));
    if (advance(lane)) lanes_.push_back(lane);
  }
}

bool GroupMerger::advance(Lane& lane) {
  if (lane.rest.empty()) {
    is_cut_ = is_cut_ || lane.is_cut;
    return false;
  }
  std::uint32_t size = 0;
  if (lane.rest.size() >= sizeof size) std::memcpy(&size, lane.rest.data(), sizeof size);
  is_damaged_ = is_damaged_ || lane.rest.size() < sizeof size + size;
  if (is_damaged_) return false;
  lane.key = lane.rest.substr(sizeof size, size);
  lane.rest.remove_prefix(sizeof size + size);
  return true;
}

bool GroupMerger::take(Lane& lane) {
  std::size_t bytes = 0;
  for (Accumulator& accumulator : row_) {
    is_damaged_ = is_damaged_ || !accumulator.merge(lane.rest);
    bytes += accumulator.bytes();
  }
  is_too_large_ = bytes > kGroupBytesMax;
  return !is_damaged_ && !is_too_large_;
}

bool GroupMerger::next() {
  if (lanes_.empty() || is_cut_ || is_damaged_) return false;
  const auto first =
      std::min_element(lanes_.begin(), lanes_.end(),
                       [](const Lane& a, const Lane& b) { return compare_keys(a.key, b.key) < 0; });
  key_ = first->key;
  row_ = empty_row(plan_);
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    if (compare_keys(lane->key, key_) != 0) {
      ++lane;
      continue;
    }
    if (!take(*lane)) return false;
    lane = advance(*lane) ? lane + 1 : lanes_.erase(lane);
  }
  return !is_damaged_;
}

void GroupMerger::write(json::Writer& writer) {
  writer.begin_object().key("key").begin_object();
  std::string_view rest = key_;
  for (const std::string& path : plan_.paths()) {
    Value value;
    if (!take_value(rest, value)) continue;
    writer.key(path);
    write_json(writer, value);
  }
  writer.end_object().key("values").begin_object();
  for (std::size_t i = 0; i < row_.size(); ++i) {
    writer.key(plan_.specs()[i].name);
    row_[i].write(writer, plan_.specs()[i].fraction);
  }
  writer.end_object().end_object();
}

void GroupMerger::write_empty(json::Writer& writer) {
  key_.clear();
  row_ = empty_row(plan_);
  write(writer);
}

}  // namespace stator::document
