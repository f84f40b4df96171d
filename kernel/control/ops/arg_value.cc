#include "control/ops/arg_value.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/base64.h"
#include "base/limits.h"
#include "base/nearest.h"

#include "stator/args.h"

namespace stator::ops {
namespace {

[[gnu::cold]] Error wrong(const FieldPath& path, const std::string& expected) {
  const std::string field = path.text();
  return Error(ErrorCode::kBadRequest, field, "'" + field + "' must be " + expected);
}

[[gnu::cold]] std::string number_text(double value) {
  char text[40];
  // A bound of 3155760000000 is not to read 3.15576e+12.
  const bool is_whole = std::abs(value) < 9007199254740992.0 && value == std::trunc(value);
  const auto written =
      is_whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value))
               : std::to_chars(text, text + sizeof text, value);
  return std::string(text, written.ptr);
}

bool is_bounded(const stator_arg& arg) { return arg.min != 0 || arg.max != 0; }

[[gnu::cold]] std::string range_text(const stator_arg& arg) {
  return number_text(arg.min) + " to " + number_text(arg.max);
}

bool count_fits(const stator_arg& arg, std::size_t count, std::size_t own_max) {
  if (count > own_max) return false;
  if (!is_bounded(arg)) return true;
  return static_cast<double>(count) >= arg.min && static_cast<double>(count) <= arg.max;
}

[[gnu::cold]] Error wrong_count(const stator_arg& arg, const FieldPath& path,
                                const std::string& unit, std::size_t own_max) {
  return wrong(path, (is_bounded(arg) ? range_text(arg) : "at most " + std::to_string(own_max)) +
                         " " + unit + " long");
}

// Space for variable data; offsets are relative to the block.
char* allocate(const BlockAt& block, std::size_t bytes, std::size_t align, stator_slice& slice) {
  const std::size_t offset = block.buffer.extend(bytes, align);
  slice = {static_cast<std::uint32_t>(offset - block.base), static_cast<std::uint32_t>(bytes)};
  return reinterpret_cast<char*>(block.buffer.data()) + offset;
}

// The bytes of a text as they stand.
void put_text(const BlockAt& block, std::string_view text, stator_slice& slice) {
  const std::size_t offset = block.buffer.append(text.data(), text.size(), 1);
  slice = {static_cast<std::uint32_t>(offset - block.base),
           static_cast<std::uint32_t>(text.size())};
}

[[gnu::noinline]] void put_unescaped(const BlockAt& block, const json::RawString& raw,
                                     stator_slice& slice) {
  char* to = allocate(block, json::unescaped_bytes_max(raw), 1, slice);
  const std::size_t bytes = json::unescape(raw, to);
  block.buffer.shrink(slice.bytes - bytes);
  slice.bytes = static_cast<std::uint32_t>(bytes);
}

void put_string(const BlockAt& block, const json::RawString& raw, stator_slice& slice) {
  if (raw.escaped) return put_unescaped(block, raw, slice);
  put_text(block, raw.text, slice);
}

Status bind_str(const stator_arg& arg, const BlockAt& block, stator_value& value,
                json::Reader& reader, const FieldPath& path) {
  if (reader.peek() != json::Kind::kString) return wrong(path, "a string");
  json::RawString raw;
  if (!reader.string(raw)) return broken(reader, path);
  put_string(block, raw, value.slice);
  if (!count_fits(arg, value.slice.bytes, kFrameBytesMax)) {
    return wrong_count(arg, path, "bytes", kFrameBytesMax);
  }
  return ok_status();
}

[[gnu::noinline]] Status bind_bytes(const stator_arg& arg, const BlockAt& block,
                                    stator_value& value, json::Reader& reader,
                                    const FieldPath& path) {
  if (reader.peek() != json::Kind::kString) return wrong(path, "a base64 string");
  json::RawString raw;
  if (!reader.string(raw)) return broken(reader, path);
  // "\/" is the one escape that base64 text may need.
  const std::string unescaped = raw.escaped ? json::unescape(raw) : std::string();
  const ByteView text = raw.escaped ? ByteView(unescaped) : raw.text;
  const std::size_t bytes = base64_decoded_bytes(text);
  char* to = allocate(block, bytes, 1, value.slice);
  if (!base64_decode(text, to)) return wrong(path, "valid base64 (RFC 4648, with padding)");
  if (!count_fits(arg, bytes, kFrameBytesMax)) return wrong_count(arg, path, "bytes", kFrameBytesMax);
  return ok_status();
}

template <class T>
[[gnu::noinline]] Status bind_integer(const stator_arg& arg, T& out, json::Reader& reader,
                                      const FieldPath& path) {
  const auto wrong_number = [&] {
    const bool is_signed = std::numeric_limits<T>::is_signed;
    return wrong(path, is_bounded(arg) ? "a whole number from " + range_text(arg)
                       : is_signed     ? "a whole number of 64 bits"
                                       : "a whole number from 0 to 2^64-1");
  };
  if (reader.peek() != json::Kind::kNumber) return wrong_number();
  std::string_view token;
  if (!reader.number(token)) return broken(reader, path);
  if (!json::to_integer(token, out)) return wrong_number();
  const auto wide = static_cast<double>(out);
  if (is_bounded(arg) && (wide < arg.min || wide > arg.max)) return wrong_number();
  return ok_status();
}

[[gnu::noinline]] Status bind_f64(const stator_arg& arg, double& out, json::Reader& reader,
                                  const FieldPath& path) {
  const auto wrong_number = [&] {
    return wrong(path, is_bounded(arg) ? "a number from " + range_text(arg) : "a number");
  };
  if (reader.peek() != json::Kind::kNumber) return wrong_number();
  std::string_view token;
  if (!reader.number(token)) return broken(reader, path);
  if (!json::to_double(token, out)) return wrong_number();
  if (is_bounded(arg) && (out < arg.min || out > arg.max)) return wrong_number();
  return ok_status();
}

[[gnu::noinline]] Status bind_bool(stator_value& value, json::Reader& reader,
                                   const FieldPath& path) {
  if (reader.peek() != json::Kind::kBool) return wrong(path, "true or false");
  bool flag = false;
  if (!reader.boolean(flag)) return broken(reader, path);
  value.u64 = flag ? 1 : 0;
  return ok_status();
}

[[gnu::noinline]] Status bind_enum(const stator_arg& arg, stator_value& value, json::Reader& reader,
                                   const FieldPath& path) {
  const auto wrong_choice = [&] {
    std::string expected = "one of";
    for (std::uint32_t i = 0; i < arg.choice_count; ++i) {
      expected += std::string(i == 0 ? " \"" : ", \"") + arg.choices[i] + "\"";
    }
    return wrong(path, expected);
  };
  if (reader.peek() != json::Kind::kString) return wrong_choice();
  json::RawString raw;
  if (!reader.string(raw)) return broken(reader, path);
  for (std::uint32_t i = 0; i < arg.choice_count; ++i) {
    if (!json::equals(raw, arg.choices[i])) continue;
    value.u64 = i;
    return ok_status();
  }
  return wrong_choice();
}

[[gnu::cold]] Error wrong_element(const FieldPath& path, std::size_t index, const char* why) {
  const std::string field = path.text();
  return Error(ErrorCode::kBadRequest, field,
               "'" + field + "' must hold numbers only: element " + std::to_string(index) + why);
}

[[gnu::noinline]] Status bind_f32_text(const BlockAt& block, stator_value& value,
                                       json::Reader& reader, const FieldPath& path) {
  const std::size_t start = block.buffer.extend(0, 64);
  std::size_t count = 0;
  for (reader.enter_array(); reader.next_element(); ++count) {
    std::string_view token;
    if (reader.peek() != json::Kind::kNumber) return wrong_element(path, count, " is none");
    if (!reader.number(token)) return broken(reader, path);
    double wide = 0;
    if (!json::to_double(token, wide) || !std::isfinite(static_cast<float>(wide))) {
      return wrong_element(path, count, " is not a finite float32");
    }
    if (count >= kVectorDimsMax) return wrong_count({}, path, "numbers", kVectorDimsMax);
    const std::size_t offset = block.buffer.extend(sizeof(float), 1);
    store_little(block.buffer.data() + offset, static_cast<float>(wide));
  }
  if (reader.failed()) return broken(reader, path);
  value.slice = {static_cast<std::uint32_t>(start - block.base),
                 static_cast<std::uint32_t>(count * sizeof(float))};
  return ok_status();
}

[[gnu::noinline]] Status bind_f32_base64(const BlockAt& block, stator_value& value,
                                         json::Reader& reader, const FieldPath& path) {
  block.buffer.extend(0, 64);
  STATOR_CHECK(bind_bytes({}, block, value, reader, path));
  if (value.slice.bytes % sizeof(float) != 0) {
    return wrong(path, "base64 of whole little-endian float32 numbers");
  }
  const std::byte* at = block.buffer.data() + block.base + value.slice.offset;
  for (std::size_t i = 0; i < value.slice.bytes / sizeof(float); ++i) {
    if (std::isfinite(load_little<float>(at + i * sizeof(float)))) continue;
    return wrong_element(path, i, " is not finite");
  }
  return ok_status();
}

[[gnu::noinline]] Status bind_f32vec(const stator_arg& arg, const BlockAt& block,
                                     stator_value& value, json::Reader& reader,
                                     const FieldPath& path) {
  const json::Kind kind = reader.peek();
  if (kind != json::Kind::kArray && kind != json::Kind::kString) {
    return wrong(path, "an array of numbers, or a base64 string of little-endian float32");
  }
  STATOR_CHECK(kind == json::Kind::kArray ? bind_f32_text(block, value, reader, path)
                                          : bind_f32_base64(block, value, reader, path));
  if (!count_fits(arg, value.slice.bytes / sizeof(float), kVectorDimsMax)) {
    return wrong_count(arg, path, "numbers", kVectorDimsMax);
  }
  return ok_status();
}

[[gnu::noinline]] Status bind_strvec(const stator_arg& arg, const BlockAt& block,
                                     stator_value& value, json::Reader& reader,
                                     const FieldPath& path) {
  if (reader.peek() != json::Kind::kArray) return wrong(path, "an array of strings");
  std::vector<stator_slice> slices;
  for (reader.enter_array(); reader.next_element();) {
    const FieldPath at(path, slices.size());
    if (reader.peek() != json::Kind::kString) return wrong(at, "a string");
    json::RawString raw;
    if (!reader.string(raw)) return broken(reader, at);
    slices.emplace_back();
    put_string(block, raw, slices.back());
    if (slices.size() > kStringsMax) break;
  }
  if (reader.failed()) return broken(reader, path);
  if (!count_fits(arg, slices.size(), kStringsMax)) return wrong_count(arg, path, "strings", kStringsMax);
  char* to = allocate(block, slices.size() * sizeof(stator_slice), alignof(stator_slice), value.slice);
  if (!slices.empty()) std::memcpy(to, slices.data(), slices.size() * sizeof(stator_slice));
  return ok_status();
}

bool is_kind_allowed(const stator_arg& arg, json::Kind kind) {
  constexpr std::uint32_t kAll =
      STATOR_ARG_JSON_OBJECT | STATOR_ARG_JSON_ARRAY | STATOR_ARG_JSON_SCALAR;
  const std::uint32_t kinds = arg.flags & kAll;
  if (kinds == 0) return true;
  if (kind == json::Kind::kObject) return (kinds & STATOR_ARG_JSON_OBJECT) != 0;
  if (kind == json::Kind::kArray) return (kinds & STATOR_ARG_JSON_ARRAY) != 0;
  return (kinds & STATOR_ARG_JSON_SCALAR) != 0;
}

std::string expected_kinds(const stator_arg& arg) {
  std::string expected;
  const auto add = [&](std::uint32_t flag, const char* what) {
    if ((arg.flags & flag) == 0) return;
    expected += (expected.empty() ? "" : " or ") + std::string(what);
  };
  add(STATOR_ARG_JSON_OBJECT, "an object");
  add(STATOR_ARG_JSON_ARRAY, "an array");
  add(STATOR_ARG_JSON_SCALAR, "a string, number, true, false or null");
  return expected;
}

Status bind_json(const stator_arg& arg, const BlockAt& block, stator_value& value,
                 json::Reader& reader, const FieldPath& path) {
  if (!is_kind_allowed(arg, reader.peek())) return wrong(path, expected_kinds(arg));
  std::string_view raw;
  if (!reader.skip(raw)) return broken(reader, path);
  put_text(block, raw, value.slice);
  if (!count_fits(arg, raw.size(), kFrameBytesMax))
    return wrong_count(arg, path, "bytes", kFrameBytesMax);
  return ok_status();
}

}  // namespace

// The binders of what most requests hold are inlined here, the others are not: they would make its
// frame large.
Status bind_value(const stator_arg& arg, const BlockAt& block, stator_value& value,
                  json::Reader& reader, const FieldPath& path) {
  switch (arg.type) {
    case STATOR_ARG_STR: return bind_str(arg, block, value, reader, path);
    case STATOR_ARG_BYTES: return bind_bytes(arg, block, value, reader, path);
    case STATOR_ARG_I64: return bind_integer(arg, value.i64, reader, path);
    case STATOR_ARG_U64: return bind_integer(arg, value.u64, reader, path);
    case STATOR_ARG_F64: return bind_f64(arg, value.f64, reader, path);
    case STATOR_ARG_BOOL: return bind_bool(value, reader, path);
    case STATOR_ARG_ENUM: return bind_enum(arg, value, reader, path);
    case STATOR_ARG_F32VEC: return bind_f32vec(arg, block, value, reader, path);
    case STATOR_ARG_STRVEC: return bind_strvec(arg, block, value, reader, path);
    case STATOR_ARG_JSON: return bind_json(arg, block, value, reader, path);
    default: return Error(ErrorCode::kInternal, path.text(), "an argument of unknown type");
  }
}

}  // namespace stator::ops
