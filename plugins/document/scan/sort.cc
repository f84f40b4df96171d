#include "scan/sort.h"

namespace stator::document {
namespace {

constexpr const char* kForm = "'sort' is an array of 1 to 4 of {path: \"asc\" or \"desc\"}";

int compare_optional(bool has_a, const Value& a, bool has_b, const Value& b) {
  if (!has_a || !has_b) return static_cast<int>(has_a) - static_cast<int>(has_b);
  return compare_values(a, b);
}

}  // namespace

Status SortOrder::parse(const Args& args, std::size_t index, Reply& reply) {
  if (!args.has(index)) return STATOR_OK;
  json::Reader reader(args.str(index));
  for (reader.enter_array(); reader.next_element();) {
    if (keys_.size() == kSortKeysMax) return reply.fail(STATOR_E_BAD_REQUEST, "sort", kForm);
    const Status status = parse_element(reader, reply);
    if (status != STATOR_OK) return status;
  }
  if (keys_.empty()) return reply.fail(STATOR_E_BAD_REQUEST, "sort", kForm);
  for (const SortKey& key : keys_) {
    if (!is_valid_path(key.path)) {
      return reply.fail(STATOR_E_BAD_REQUEST, "sort",
                        "'sort' must hold paths of 1 to 512 bytes without empty segments");
    }
  }
  return STATOR_OK;
}

Status SortOrder::parse_element(json::Reader& reader, Reply& reply) {
  SortKey key;
  json::RawString text;
  if (reader.peek() == json::Kind::kString) {
    reader.string(text);
    key.path = json::unescape(text);
    keys_.push_back(std::move(key));
    return STATOR_OK;
  }
  int members = 0;
  bool is_good = reader.peek() == json::Kind::kObject;
  if (is_good) reader.enter_object();
  while (is_good && reader.next_key(text)) {
    key.path = json::unescape(text);
    json::RawString direction;
    is_good = ++members == 1 && reader.peek() == json::Kind::kString && reader.string(direction) &&
              (direction.text == "asc" || direction.text == "desc");
    key.is_descending = direction.text == "desc";
  }
  if (!is_good || members != 1) return reply.fail(STATOR_E_BAD_REQUEST, "sort", kForm);
  keys_.push_back(std::move(key));
  return STATOR_OK;
}

SortValues SortOrder::values_of(const Value& root) const {
  SortValues out;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    out.exists[i] = find_path(root, keys_[i].path, out.values[i]);
  }
  return out;
}

int SortOrder::compare(const SortPoint& a, const SortPoint& b) const {
  bool is_descending = false;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    is_descending = keys_[i].is_descending;
    const int order = compare_optional(a.values.exists[i], a.values.values[i], b.values.exists[i],
                                       b.values.values[i]);
    if (order != 0) return is_descending ? -order : order;
  }
  const int order = a.tie.compare(b.tie);
  return is_descending ? -order : order;
}

std::string SortOrder::pack(const SortValues& values) const {
  std::string out;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    out.push_back(values.exists[i] ? '\x01' : '\x00');
    if (values.exists[i]) out.append(values.values[i].bytes);
  }
  return out;
}

bool SortOrder::unpack(std::string_view bytes, SortValues& out) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (bytes.empty()) return false;
    out.exists[i] = bytes.front() != '\x00';
    bytes.remove_prefix(1);
    if (out.exists[i] && !take_checked(bytes, out.values[i])) return false;
  }
  return bytes.empty();
}

}  // namespace stator::document
