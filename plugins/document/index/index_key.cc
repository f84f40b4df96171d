#include "index/index_key.h"

#include "stator/services.h"

#include "packed_json.h"

namespace stator::document {
namespace {

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

// The keys of the longest path still hold a prefix that tells most values apart.
static_assert(STATOR_KV_KEY_BYTES_MAX - kDocumentIdBytesMax - 1 - kIndexPathBytesMax >= 39);

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
  NumberRoom text;
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

IndexValue encode_string(std::string_view text, std::size_t room) {
  IndexValue out;
  out.bytes.push_back(kStringByte);
  for (const char c : text) {
    const std::size_t coded = c == '\0' ? 2 : 1;
    if (out.bytes.size() + coded + kStringEndBytes > room) {
      out.is_cut = true;
      break;
    }
    out.bytes.push_back(c);
    if (c == '\0') out.bytes.push_back('\xFF');
  }
  out.bytes.push_back('\0');
  out.bytes.push_back(out.is_cut ? '\x02' : '\x01');
  return out;
}

}  // namespace

std::size_t index_value_room(std::string_view path) {
  return STATOR_KV_KEY_BYTES_MAX - kDocumentIdBytesMax - 1 - path.size();
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

std::string index_prefix(std::string_view path) {
  std::string prefix(1, static_cast<char>(path.size()));
  prefix.append(path);
  return prefix;
}

std::string successor(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (!prefix.empty()) {
    prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  }
  return prefix;
}

IndexEntry make_index_entry(std::string_view path, const Value& value,
                            std::string_view document_id) {
  const IndexValue coded = encode_index_value(value, index_value_room(path));
  IndexEntry entry;
  entry.key = index_prefix(path);
  entry.key.append(coded.bytes).append(document_id);
  entry.is_cut = coded.is_cut;
  return entry;
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
