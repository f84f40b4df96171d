#include "index/index_key.h"

#include <algorithm>

#include "stator/filter/matches.hpp"
#include "stator/services.h"

#include "packed_json.h"

namespace stator::document {
namespace {

constexpr char kMissingByte = 0x08;
constexpr char kTextByte = 0x09;
constexpr char kNullByte = 0x10;
constexpr char kFalseByte = 0x20;
constexpr char kTrueByte = 0x21;
constexpr char kNumberByte = 0x30;
constexpr char kStringByte = 0x40;
constexpr char kArrayByte = 0x50;
constexpr char kObjectByte = 0x60;

// Type, sign, exponent and end of a number.
constexpr std::size_t kNumberFrameBytes = 1 + 1 + 4 + 1;
constexpr std::size_t kStringEndBytes = 2;

// The keys of the longest name still hold a prefix that tells most values apart, and a number of
// four digits where there are four of them.
static_assert(STATOR_KV_KEY_BYTES_MAX - kDocumentIdBytesMax - 1 - kIndexNameBytesMax >= 39);
static_assert(39 / kIndexPathsMax >= kNumberFrameBytes + 2);

void append_exponent(std::string& to, std::int64_t exponent) {
  const auto biased = static_cast<std::uint64_t>(exponent + (std::int64_t{1} << 31));
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(biased >> shift));
}

// Appends at most `pairs` pairs of digits; true if all digits fitted.
bool append_digits(std::string& to, const Decimal& number, std::size_t pairs) {
  Digits digits(number);
  int high = digits.next();
  for (; pairs > 0 && high >= 0; --pairs) {
    const int low = digits.next();
    to.push_back(static_cast<char>(high * 10 + (low < 0 ? 0 : low) + 1));
    high = low < 0 ? -1 : digits.next();
  }
  return high < 0;
}

IndexValue encode_number(const Value& value, std::size_t room) {
  NumberRoom text{};
  const Decimal number = decimal_of(value, text);
  IndexValue out;
  out.bytes.push_back(kNumberByte);
  if (number.zero) {
    out.bytes.push_back(0x01);
    return out;
  }
  out.bytes.push_back(number.negative ? 0x00 : 0x02);
  const std::size_t start = out.bytes.size();
  append_exponent(out.bytes, number.exponent);
  out.is_cut = !append_digits(out.bytes, number, room - kNumberFrameBytes);
  out.bytes.push_back(out.is_cut ? 0x01 : 0x00);
  if (number.negative) {
    for (std::size_t i = start; i < out.bytes.size(); ++i) {
      out.bytes[i] = static_cast<char>(~out.bytes[i]);
    }
  }
  return out;
}

// Appends what fits of a string's coding without its end; false if that is not all.
bool append_text(std::string& to, std::string_view text, std::size_t room) {
  for (const char c : text) {
    const std::size_t coded = c == '\0' ? 2 : 1;
    if (to.size() + coded + kStringEndBytes > room) return false;
    to.push_back(c);
    if (c == '\0') to.push_back('\xFF');
  }
  return true;
}

IndexValue encode_string(std::string_view text, std::size_t room) {
  IndexValue out;
  out.bytes.push_back(kStringByte);
  out.is_cut = !append_text(out.bytes, text, room);
  out.bytes.push_back('\0');
  out.bytes.push_back(out.is_cut ? '\x02' : '\x01');
  return out;
}

std::string folded(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), filter::fold);
  return out;
}

void add_entry(std::string key, bool is_cut, std::string_view document_id,
               std::vector<IndexEntry>& entries) {
  IndexEntry entry{std::move(key), is_cut};
  entry.key.append(document_id);
  entries.push_back(std::move(entry));
}

void add_element_entries(const IndexDefinition& index, const Value& array,
                         std::string_view document_id, std::vector<IndexEntry>& entries) {
  std::vector<IndexValue> values;
  Elements elements(array);
  for (Value element; elements.next(element);) values.push_back(encode_for(index, element));
  const auto before = [](const IndexValue& a, const IndexValue& b) { return a.bytes < b.bytes; };
  const auto same = [](const IndexValue& a, const IndexValue& b) { return a.bytes == b.bytes; };
  std::sort(values.begin(), values.end(), before);
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
  for (const IndexValue& value : values) {
    add_entry(index_prefix(index) + value.bytes, value.is_cut, document_id, entries);
  }
}

}  // namespace

std::size_t index_value_room(const IndexDefinition& index) {
  return (STATOR_KV_KEY_BYTES_MAX - kDocumentIdBytesMax - 1 - index.name.size()) /
         index.paths.size();
}

IndexValue encode_for(const IndexDefinition& index, const Value& value) {
  return encode_for(index, value, index_value_room(index));
}

IndexValue encode_for(const IndexDefinition& index, const Value& value, std::size_t room) {
  if (index.collation == Collation::kNoCase && value.tag == Tag::kString) {
    return encode_string(folded(value.content), room);
  }
  return encode_index_value(value, room);
}

std::string encode_index_prefix(std::string_view text, const IndexDefinition& index) {
  std::string bytes(1, kStringByte);
  const std::size_t room = index_value_room(index);
  append_text(bytes, index.collation == Collation::kNoCase ? folded(text) : std::string(text),
              room);
  return bytes;
}

IndexValue encode_index_value(const Value& value, std::size_t room) {
  switch (value.tag) {
    case Tag::kNull:
      return {{kNullByte}, false};
    case Tag::kFalse:
      return {{kFalseByte}, false};
    case Tag::kTrue:
      return {{kTrueByte}, false};
    case Tag::kString:
      return encode_string(value.content, room);
    case Tag::kArray:
      return {{kArrayByte}, true};
    case Tag::kObject:
      return {{kObjectByte}, true};
    default:
      return encode_number(value, room);
  }
}

std::string index_prefix(const IndexDefinition& index) {
  std::string prefix(1, static_cast<char>(index.name.size()));
  prefix.append(index.name);
  return prefix;
}

std::string index_text_prefix(const IndexDefinition& index) {
  return index_prefix(index) + kTextByte;
}

std::string successor(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (!prefix.empty()) {
    prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  }
  return prefix;
}

void add_index_entries(const IndexDefinition& index, const Value& root,
                       std::string_view document_id, std::vector<IndexEntry>& entries) {
  Value value;
  if (!find_path(root, index.paths.front(), value)) return;
  if (!index.program.empty() && !filter::matches(index.program, root)) return;
  if (index.kind == IndexKind::kArray) {
    if (value.tag == Tag::kArray) return add_element_entries(index, value, document_id, entries);
    if (value.tag == Tag::kString) add_entry(index_text_prefix(index), true, document_id, entries);
    return;
  }
  std::string key = index_prefix(index);
  bool is_cut = false;
  for (std::size_t i = 0; i < index.paths.size() && !is_cut; ++i) {
    if (i > 0 && !find_path(root, index.paths[i], value)) {
      key.push_back(kMissingByte);
      continue;
    }
    const IndexValue coded = encode_for(index, value);
    key.append(coded.bytes);
    is_cut = coded.is_cut;
  }
  add_entry(std::move(key), is_cut, document_id, entries);
}

std::string index_entry_value(std::string_view document_id, const IndexEntry& entry) {
  return {static_cast<char>(entry.is_cut ? 1 : 0),
          static_cast<char>(entry.key.size() - document_id.size())};
}

bool read_index_entry(std::string_view key, std::string_view value, IndexHit& out) {
  if (value.size() != 2) return false;
  const std::size_t group_bytes = static_cast<std::uint8_t>(value[1]);
  if (group_bytes >= key.size()) return false;
  out.is_cut = value[0] != 0;
  out.group = key.substr(0, group_bytes);
  out.document_id = key.substr(group_bytes);
  return true;
}

TypeBytes type_bytes(const Value& value) {
  switch (type_class(value)) {
    case TypeClass::kNull:
      return {kNullByte, kNullByte + 1};
    case TypeClass::kBool:
      return {kFalseByte, kTrueByte + 1};
    case TypeClass::kNumber:
      return {kNumberByte, kNumberByte + 1};
    case TypeClass::kString:
      return {kStringByte, kStringByte + 1};
    case TypeClass::kArray:
      return {kArrayByte, kArrayByte + 1};
    case TypeClass::kObject:
      return {kObjectByte, kObjectByte + 1};
  }
  return {kNullByte, kObjectByte + 1};
}

}  // namespace stator::document
