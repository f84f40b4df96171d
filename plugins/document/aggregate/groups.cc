#include "aggregate/groups.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

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

bool Groups::Before::operator()(const std::string& a, const std::string& b) const {
  std::string_view left = a;
  std::string_view right = b;
  while (!left.empty() && !right.empty()) {
    Value l;
    Value r;
    const bool has_left = take_value(left, l);
    const bool has_right = take_value(right, r);
    if (has_left != has_right) return has_right;
    if (!has_left) continue;
    if (const int order = compare_values(l, r); order != 0) return order < 0;
  }
  return false;
}

Groups::Row& Groups::row_of(const std::string& key) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) return found->second;
  Row row;
  for (const AggregateSpec& spec : plan_.specs()) row.emplace_back(spec.kind);
  bytes_ += key.size() + kGroupBytes + row.size() * kAccumulatorBytes;
  return rows_.emplace(key, std::move(row)).first->second;
}

void Groups::add(const Value& root) {
  std::string key;
  Value value;
  for (const std::string& path : plan_.paths()) {
    const bool exists = find_path(root, path, value);
    key.push_back(exists ? '\x01' : '\x00');
    if (exists) key.append(value.bytes);
  }
  Row& row = row_of(key);
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
}

void Groups::save(std::string& out) const {
  for (const auto& [key, row] : rows_) {
    append_sized32(out, key);
    for (const Accumulator& accumulator : row) accumulator.save(out);
  }
}

bool Groups::merge(std::string_view bytes) {
  while (!bytes.empty()) {
    std::uint32_t size = 0;
    if (bytes.size() < sizeof size) return false;
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (bytes.size() < size) return false;
    Row& row = row_of(std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
    for (Accumulator& accumulator : row) {
      if (!accumulator.merge(bytes)) return false;
    }
  }
  return true;
}

void Groups::write_key(const std::string& key, json::Writer& writer) const {
  writer.begin_object();
  std::string_view rest = key;
  for (const std::string& path : plan_.paths()) {
    Value value;
    if (!take_value(rest, value)) continue;
    writer.key(path);
    write_json(writer, value);
  }
  writer.end_object();
}

void Groups::write(json::Writer& writer) {
  if (plan_.paths().empty()) row_of({});
  writer.begin_array();
  for (auto& [key, row] : rows_) {
    writer.begin_object().key("key");
    write_key(key, writer);
    writer.key("values").begin_object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      writer.key(plan_.specs()[i].name);
      row[i].write(writer, plan_.specs()[i].fraction);
    }
    writer.end_object().end_object();
  }
  writer.end_array();
}

}  // namespace stator::document
