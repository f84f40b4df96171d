#include "aggregate/groups.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "aggregate/part_bytes.h"

namespace stator::document {
namespace {

constexpr const char* kForm =
    "'aggs' is {name: {kind: path}} of 1 to 16; percentile takes [path, fraction]";
constexpr std::string_view kKinds[] = {"count",          "sum",    "avg",       "min", "max",
                                       "count_distinct", "stddev", "percentile"};
constexpr std::size_t kGroupBytes = 96;  // of a group beside its key

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

std::size_t row_bytes_of(const AggregatePlan& plan) {
  std::size_t bytes = kGroupBytes;
  for (const AggregateSpec& spec : plan.specs()) bytes += Accumulator::own_bytes(spec.kind);
  return bytes;
}

std::size_t bytes_of(const GroupRow& row) {
  std::size_t bytes = 0;
  for (const Accumulator& accumulator : row) bytes += accumulator.bytes();
  return bytes;
}

// One aggregate of the row lets go of values; false if none can. First the numbers, which take five
// passes whatever there is of them; then the values of the last aggregate, so that the first one
// goes on as fast as it can.
bool make_room_in(GroupRow& row) {
  for (Accumulator& accumulator : row) {
    if (accumulator.keeps_numbers() && accumulator.make_room()) return true;
  }
  return std::any_of(row.rbegin(), row.rend(),
                     [](Accumulator& accumulator) { return accumulator.make_room(); });
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

GroupRow AggregatePlan::row_for(const GroupPage& page, std::string_view key) const {
  GroupRow row;
  for (const AggregateSpec& spec : specs_) row.emplace_back(spec.kind);
  if (!page.progress.empty() && compare_keys(key, page.after) == 0) resume(row, page.progress);
  return row;
}

bool AggregatePlan::resume(GroupRow& row, std::string_view progress) const {
  for (std::size_t i = 0; i < row.size(); ++i) {
    PassProgress one;
    if (!Accumulator::has_passes(specs_[i].kind)) continue;
    if (!take_part(progress, one.is_done) || !take_part(progress, one.first) ||
        !take_part(progress, one.second) || !row[i].resume(one)) {
      return false;
    }
  }
  return progress.empty();
}

bool AggregatePlan::is_progress(std::string_view bytes) const {
  GroupRow row = row_for({}, {});
  return resume(row, bytes);
}

Groups::Groups(const AggregatePlan& plan, const GroupPage& page)
    : plan_(plan), page_(page), row_bytes_(row_bytes_of(plan)) {}

bool Groups::Before::operator()(const std::string& a, const std::string& b) const {
  return compare_keys(a, b) < 0;
}

bool Groups::wants(const std::string& key) const {
  if (page_.has_position) {
    const int order = compare_keys(key, page_.after);
    if (order < 0 || (order == 0 && page_.progress.empty())) return false;
  }
  return !is_cut_ || compare_keys(key, cut_) < 0;
}

GroupRow& Groups::row_of(const std::string& key) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) return found->second;
  bytes_ += key.size() + row_bytes_;
  return rows_.emplace(key, plan_.row_for(page_, key)).first->second;
}

void Groups::drop_last() {
  const auto last = std::prev(rows_.end());
  bytes_ -= last->first.size() + row_bytes_ + bytes_of(last->second);
  is_cut_ = true;
  cut_ = last->first;
  rows_.erase(last);
}

// Of the only group.
bool Groups::make_room() {
  GroupRow& row = rows_.begin()->second;
  bytes_ -= bytes_of(row);
  const bool is_made = make_room_in(row);
  bytes_ += bytes_of(row);
  return is_made;
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
  while (is_too_large() && make_room()) continue;
}

void Groups::save(std::string& out) const {
  out.push_back(is_cut_ ? '\x01' : '\x00');
  for (const auto& [key, row] : rows_) {
    append_part_text(out, key);
    for (const Accumulator& accumulator : row) accumulator.save(out);
  }
}

GroupMerger::GroupMerger(const AggregatePlan& plan, const GroupPage& page, const Parts& parts)
    : plan_(plan), page_(page) {
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
  is_damaged_ = is_damaged_ || !take_part_text(lane.rest, lane.key);
  return !is_damaged_;
}

bool GroupMerger::take(Lane& lane) {
  for (Accumulator& accumulator : row_) {
    is_damaged_ = is_damaged_ || !accumulator.merge(lane.rest);
  }
  if (is_damaged_) return false;
  // What one lane had room for, all lanes together may not have.
  while (bytes_of(row_) > kGroupBytesMax && !is_too_large_) {
    is_too_large_ = page_.limit == 0 || !make_room_in(row_);
  }
  return !is_too_large_;
}

bool GroupMerger::take_all() {
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

Status GroupMerger::next(const Request& request) {
  is_at_group_ = false;
  if (is_damaged_) return STATOR_E_INTERNAL;
  if (lanes_.empty() || is_cut_) return STATOR_OK;
  if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
  const auto first =
      std::min_element(lanes_.begin(), lanes_.end(),
                       [](const Lane& a, const Lane& b) { return compare_keys(a.key, b.key) < 0; });
  key_ = first->key;
  row_ = plan_.row_for(page_, key_);
  if (!take_all()) return is_damaged_ ? STATOR_E_INTERNAL : STATOR_OK;
  return settle(request);
}

Status GroupMerger::settle(const Request& request) {
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const Status status = row_[i].settle(request, plan_.specs()[i].fraction);
    if (status != STATOR_OK) return status;
    is_partial_ = is_partial_ || !row_[i].is_done();
  }
  is_at_group_ = !is_partial_;
  return STATOR_OK;
}

std::string GroupMerger::progress() const {
  std::string bytes;
  for (std::size_t i = 0; i < row_.size(); ++i) {
    if (!Accumulator::has_passes(plan_.specs()[i].kind)) continue;
    const PassProgress& one = row_[i].progress();
    append_part(bytes, one.is_done);
    append_part(bytes, one.first);
    append_part(bytes, one.second);
  }
  return bytes;
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
    row_[i].write(writer);
  }
  writer.end_object().end_object();
}

void GroupMerger::write_empty(json::Writer& writer) {
  key_.clear();
  row_ = plan_.row_for({}, {});
  write(writer);
}

}  // namespace stator::document
