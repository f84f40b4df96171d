#include "value/value.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace stator::document {
namespace {

constexpr char kFormatVersion = 1;
constexpr std::size_t kHeaderBytes = 1 + sizeof(std::uint64_t);

// Takes the first `size` bytes of `rest`, or what there is.
std::string_view take(std::string_view& rest, std::uint64_t size) {
  const auto cut = static_cast<std::size_t>(std::min<std::uint64_t>(size, rest.size()));
  const std::string_view taken = rest.substr(0, cut);
  rest.remove_prefix(cut);
  return taken;
}

template <class T>
T take_little(std::string_view& rest) {
  T number{};
  const std::string_view raw = take(rest, sizeof number);
  if (!raw.empty()) std::memcpy(&number, raw.data(), raw.size());
  return number;
}

std::uint64_t take_varint(std::string_view& rest) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  return number;
}

std::uint64_t unzigzag(std::uint64_t coded) { return (coded >> 1) ^ (~(coded & 1) + 1); }

}  // namespace

static_assert(std::endian::native == std::endian::little, "the stored form is little-endian");

double Value::floating() const { return std::bit_cast<double>(bits); }

Value read_value(std::string_view bytes) {
  Value value;
  std::string_view rest = bytes;
  value.tag = static_cast<Tag>(take_little<std::uint8_t>(rest));
  switch (value.tag) {
    case Tag::kNull:
    case Tag::kFalse:
    case Tag::kTrue:
      break;
    case Tag::kInteger:
      value.bits = unzigzag(take_varint(rest));
      break;
    case Tag::kUnsigned:
      value.bits = take_varint(rest);
      break;
    case Tag::kDouble:
      value.bits = take_little<std::uint64_t>(rest);
      break;
    case Tag::kDecimal:
    case Tag::kString:
      value.content = take(rest, take_varint(rest));
      break;
    case Tag::kArray:
    case Tag::kObject:
      value.content = take(rest, take_little<std::uint32_t>(rest));
      break;
  }
  value.bytes = bytes.substr(0, bytes.size() - rest.size());
  return value;
}

bool Elements::next(Value& element) {
  if (rest_.empty()) return false;
  element = read_value(rest_);
  rest_.remove_prefix(element.bytes.size());
  return true;
}

bool Members::next(std::string_view& key, Value& value) {
  if (rest_.empty()) return false;
  key = take(rest_, take_varint(rest_));
  value = read_value(rest_);
  rest_.remove_prefix(value.bytes.size());
  return true;
}

bool Members::find(std::string_view key, Value& value) {
  std::string_view name;
  while (next(name, value)) {
    if (name == key) return true;
  }
  return false;
}

void append_varint(std::string& to, std::uint64_t number) {
  while (number >= 0x80) {
    to.push_back(static_cast<char>((number & 0x7F) | 0x80));
    number >>= 7;
  }
  to.push_back(static_cast<char>(number));
}

void append_sized(std::string& to, std::string_view text) {
  append_varint(to, text.size());
  to.append(text);
}

void seal_document(std::uint64_t lsn, std::string_view value_bytes, std::string& stored) {
  stored.clear();
  stored.reserve(kHeaderBytes + value_bytes.size());
  stored.push_back(kFormatVersion);
  char raw[sizeof lsn];
  std::memcpy(raw, &lsn, sizeof lsn);
  stored.append(raw, sizeof raw);
  stored.append(value_bytes);
}

StoredDocument open_document(std::string_view stored) {
  if (stored.size() <= kHeaderBytes || stored.front() != kFormatVersion) {
    throw std::runtime_error("a stored document has an unknown format version");
  }
  stored.remove_prefix(1);
  StoredDocument document;
  document.lsn = take_little<std::uint64_t>(stored);
  document.root = read_value(stored);
  return document;
}

}  // namespace stator::document
