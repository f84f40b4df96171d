#include "codec/any.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

namespace stator::crdt {
namespace {

enum Tag : std::uint8_t {
  kBytes = 116,
  kArray = 117,
  kObject = 118,
  kString = 119,
  kTrue = 120,
  kFalse = 121,
  kBigInt = 122,
  kFloat64 = 123,
  kFloat32 = 124,
  kInteger = 125,
  kNull = 126,
  kUndefined = 127,
};

template <class T>
T load_big_endian(std::string_view bytes) {
  T value = 0;
  for (const char c : bytes) value = static_cast<T>(value << 8 | static_cast<std::uint8_t>(c));
  return value;
}

// `check` is off for bytes that were checked before.
bool pass(ByteReader& reader, bool check, int depth);

bool pass_object(ByteReader& reader, bool check, int depth) {
  std::uint64_t count = 0;
  if (!reader.var_uint(count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view key;
    if (!(check ? reader.var_string(key) : reader.var_bytes(key))) return false;
    if (!pass(reader, check, depth)) return false;
  }
  return true;
}

bool pass_array(ByteReader& reader, bool check, int depth) {
  std::uint64_t count = 0;
  if (!reader.var_uint(count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!pass(reader, check, depth)) return false;
  }
  return true;
}

bool pass(ByteReader& reader, bool check, int depth) {
  std::uint8_t tag = 0;
  std::uint64_t number = 0;
  bool negative = false;
  std::string_view bytes;
  if (!reader.u8(tag)) return false;
  if (depth >= kValueDepthMax) return reader.fail("a value is nested too deeply");
  switch (tag) {
    case kUndefined:
    case kNull:
    case kTrue:
    case kFalse:
      return true;
    case kInteger:
      return reader.var_int(number, negative);
    case kFloat32:
      return reader.bytes(4, bytes);
    case kFloat64:
    case kBigInt:
      return reader.bytes(8, bytes);
    case kString:
      return check ? reader.var_string(bytes) : reader.var_bytes(bytes);
    case kObject:
      return pass_object(reader, check, depth + 1);
    case kArray:
      return pass_array(reader, check, depth + 1);
    case kBytes:
      return reader.var_bytes(bytes);
    default:
      return reader.fail("a value has an unknown type tag");
  }
}

void write_object(ByteReader& reader, json::Writer& out) {
  std::uint64_t count = 0;
  reader.var_uint(count);
  out.begin_object();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view key;
    reader.var_bytes(key);
    if (is_undefined(reader)) {
      pass(reader, false, 0);
      continue;
    }
    out.key(key);
    write_any_json(reader, out);
  }
  out.end_object();
}

void write_array(ByteReader& reader, json::Writer& out) {
  std::uint64_t count = 0;
  reader.var_uint(count);
  out.begin_array();
  for (std::uint64_t i = 0; i < count; ++i) write_any_json(reader, out);
  out.end_array();
}

// JSON has one zero; JavaScript writes -0 as 0 too.
void write_number(double value, json::Writer& out) {
  constexpr double kExactMax = 9007199254740991.0;
  if (std::trunc(value) == value && std::fabs(value) <= kExactMax) {
    out.number(static_cast<std::int64_t>(value));
  } else {
    out.number(value);
  }
}

void write_integer(ByteReader& reader, json::Writer& out) {
  std::uint64_t magnitude = 0;
  bool negative = false;
  reader.var_int(magnitude, negative);
  const auto value = static_cast<std::int64_t>(magnitude);
  out.number(negative ? -value : value);
}

}  // namespace

bool check_any(ByteReader& reader) { return pass(reader, true, 0); }

std::size_t any_bytes(std::string_view checked, std::size_t count) {
  ByteReader reader(checked);
  for (std::size_t i = 0; i < count; ++i) pass(reader, false, 0);
  return reader.offset();
}

bool is_undefined(ByteReader reader) {
  std::uint8_t tag = 0;
  return reader.u8(tag) && tag == kUndefined;
}

void write_any_json(ByteReader& reader, json::Writer& out) {
  std::uint8_t tag = 0;
  std::string_view bytes;
  reader.u8(tag);
  switch (tag) {
    case kInteger:
      return write_integer(reader, out);
    case kFloat32:
      reader.bytes(4, bytes);
      return write_number(std::bit_cast<float>(load_big_endian<std::uint32_t>(bytes)), out);
    case kFloat64:
      reader.bytes(8, bytes);
      return write_number(std::bit_cast<double>(load_big_endian<std::uint64_t>(bytes)), out);
    case kBigInt:
      reader.bytes(8, bytes);
      out.number(std::bit_cast<std::int64_t>(load_big_endian<std::uint64_t>(bytes)));
      return;
    case kString:
      reader.var_bytes(bytes);
      out.string(bytes);
      return;
    case kObject:
      return write_object(reader, out);
    case kArray:
      return write_array(reader, out);
    case kBytes:
      reader.var_bytes(bytes);
      return write_base64_json(bytes, out);
    case kTrue:
    case kFalse:
      out.boolean(tag == kTrue);
      return;
    default:
      out.null();
  }
}

std::string any_to_text(std::string_view checked) {
  ByteReader reader(checked);
  if (is_undefined(reader)) return "undefined";
  if (!checked.empty() && static_cast<std::uint8_t>(checked.front()) == kString) {
    std::uint8_t tag = 0;
    std::string_view text;
    reader.u8(tag);
    reader.var_bytes(text);
    return std::string(text);
  }
  json::StringOut text;
  json::Writer writer(text);
  write_any_json(reader, writer);
  return text.take();
}

void write_base64_json(std::string_view bytes, json::Writer& out) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text.push_back(k <= have ? kDigits[group >> (18 - 6 * k) & 63] : '=');
    }
  }
  out.string(text);
}

}  // namespace stator::crdt
