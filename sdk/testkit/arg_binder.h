// Binds JSON arguments to an argument block by an op's rows (stator/args.h, stator/op.h), as the
// server promises to do. Part of the test kit: written for plainness, not for speed.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "stator/args.h"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"
#include "stator/op.h"

#include "arg_bounds.h"
#include "base64.h"
#include "block_image.h"
#include "value_text.h"

namespace stator::testkit {

// The type's own bounds. A text cannot be longer than the frame that brings it.
inline constexpr std::size_t kFrameBytesMax = 16u * 1024 * 1024;
inline constexpr std::size_t kVectorDimsMax = 65'536;
inline constexpr std::size_t kListElementsMax = 100'000;

class ArgBinder {
 public:
  struct Placement {
    std::uint32_t tenant = 0;
    std::uint32_t vshard = 0;  // of a block without a routing key
    std::uint32_t lanes = 1;
    std::optional<std::uint32_t> only_lane;  // take only rows that this lane owns
  };

  // `path` stands before the fields' names in refusals: "items[2]".
  explicit ArgBinder(const Placement& placement, std::string path = {})
      : placement_(placement), path_(std::move(path)) {}

  // False with field() and detail() set.
  bool bind(std::span<const stator_arg> args, std::string_view object, Block& block) {
    std::vector<std::string_view> texts(args.size());
    if (!collect(args, object, texts)) return false;
    block.assign(sizeof(stator_arg_block) + args.size() * sizeof(stator_value), '\0');
    stator_arg_block header{};
    header.struct_size = sizeof header;
    header.arg_count = static_cast<std::uint32_t>(args.size());
    header.vshard = placement_.vshard;
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (!bind_arg(args[i], i, texts[i], header, block)) return false;
    }
    header.bytes = static_cast<std::uint32_t>(block.size());
    std::memcpy(block.data(), &header, sizeof header);
    return true;
  }
  const std::string& field() const { return field_; }
  const std::string& detail() const { return detail_; }

 private:
  // Finds each argument's text; the last of several wins. Fields nobody declared are passed over.
  bool collect(std::span<const stator_arg> args, std::string_view object,
               std::vector<std::string_view>& texts) {
    json::Reader reader(object);
    json::RawString key;
    for (reader.enter_object(); reader.next_key(key);) {
      std::string_view text;
      if (!reader.skip(text)) break;
      for (std::size_t i = 0; i < args.size(); ++i) {
        const bool is_alias = args[i].alias != nullptr && json::equals(key, args[i].alias);
        if (is_alias || json::equals(key, args[i].name)) texts[i] = text;
      }
    }
    if (reader.at_end()) return true;
    field_.clear();
    detail_ = std::string("arguments are not a JSON object: ") +
              (reader.failed() ? reader.error() : "text behind the object");
    return false;
  }

  bool bind_arg(const stator_arg& arg, std::size_t index, std::string_view text,
                stator_arg_block& header, Block& block) {
    const auto is_absent = [&](std::string_view value) {
      return value.empty() || (value == "null" && (arg.flags & STATOR_ARG_NULLABLE) != 0);
    };
    const std::uint64_t bit = std::uint64_t{1} << index;
    if (!is_absent(text)) {
      header.given |= bit;
    } else {
      text = arg.default_json == nullptr ? std::string_view() : arg.default_json;
      if (is_absent(text)) {
        if ((arg.flags & STATOR_ARG_REQUIRED) == 0) return true;
        return refuse(path_of(arg), "missing '" + path_of(arg) + "'");
      }
    }
    stator_value value{};
    if (!bind_value(arg, text, value, block)) return false;
    header.present |= bit;
    if ((arg.flags & STATOR_ARG_ROUTING_KEY) != 0) {
      header.vshard =
          vshard_of(placement_.tenant, {block.data() + value.slice.offset, value.slice.bytes});
    }
    std::memcpy(block.data() + sizeof header + index * sizeof value, &value, sizeof value);
    return true;
  }

  bool bind_value(const stator_arg& arg, std::string_view text, stator_value& value, Block& block) {
    switch (arg.type) {
      case STATOR_ARG_STR:
        return bind_string(arg, text, value, block);
      case STATOR_ARG_BYTES:
        return bind_bytes(arg, text, value, block);
      case STATOR_ARG_I64:
        return bind_whole(arg, text, value.i64);
      case STATOR_ARG_U64:
        return bind_whole(arg, text, value.u64);
      case STATOR_ARG_F64:
        return bind_f64(arg, text, value.f64);
      case STATOR_ARG_BOOL:
        if (text != "true" && text != "false") return refuse_type(arg, "true or false");
        value.u64 = text == "true" ? 1 : 0;
        return true;
      case STATOR_ARG_ENUM:
        return bind_enum(arg, text, value.u64);
      case STATOR_ARG_F32VEC:
        return bind_f32vec(arg, text, value, block);
      case STATOR_ARG_STRVEC:
        return bind_strvec(arg, text, value, block);
      case STATOR_ARG_JSON:
        return bind_json(arg, text, value, block);
      default:
        return bind_rows(arg, text, value, block);
    }
  }

  bool bind_string(const stator_arg& arg, std::string_view text, stator_value& value,
                   Block& block) {
    std::string string;
    if (!read_string(text, string)) return refuse_type(arg, "a string");
    if (!length_fits(arg, string.size(), kFrameBytesMax, "bytes")) return false;
    value.slice = append(block, string, 1);
    return true;
  }
  bool bind_bytes(const stator_arg& arg, std::string_view text, stator_value& value, Block& block) {
    std::string string;
    std::string bytes;
    if (!read_string(text, string) || !decode_base64(string, bytes)) {
      return refuse_type(arg, "a string of padded base64");
    }
    if (!length_fits(arg, bytes.size(), kFrameBytesMax, "bytes")) return false;
    value.slice = append(block, bytes, 1);
    return true;
  }
  template <class T>
  bool bind_whole(const stator_arg& arg, std::string_view text, T& value) {
    json::Reader reader(text);
    std::string_view token;
    if (reader.number(token) && json::to_integer(token, value) && in_range(arg, value)) return true;
    const char* own = std::is_signed_v<T> ? " of 64 bits" : " from 0 to 2^64-1";
    return refuse_type(arg, "a whole number" + (is_bounded(arg) ? " from " + range(arg) : own));
  }
  bool bind_f64(const stator_arg& arg, std::string_view text, double& value) {
    json::Reader reader(text);
    std::string_view token;
    if (reader.number(token) && json::to_double(token, value) && in_range(arg, value)) return true;
    return refuse_type(arg, is_bounded(arg) ? "a number from " + range(arg) : "a number");
  }
  bool bind_enum(const stator_arg& arg, std::string_view text, std::uint64_t& value) {
    std::string string;
    const bool is_string = read_string(text, string);
    std::string choices;
    for (std::uint32_t i = 0; i < arg.choice_count; ++i) {
      if (is_string && string == arg.choices[i]) {
        value = i;
        return true;
      }
      choices += (i == 0 ? "\"" : ", \"") + std::string(arg.choices[i]) + "\"";
    }
    return refuse_type(arg, "one of " + choices);
  }

  bool bind_f32vec(const stator_arg& arg, std::string_view text, stator_value& value,
                   Block& block) {
    std::vector<float> numbers;
    switch (read_f32vec(text, numbers)) {
      case F32VecFault::kNone:
        break;
      case F32VecFault::kNoVector:
        return refuse_type(arg, "an array of numbers, or padded base64 of little-endian float32");
      case F32VecFault::kNoNumber:
        return refuse_number(arg, numbers.size(), "a number");
      case F32VecFault::kNotFinite:
        return refuse_number(arg, numbers.size(), "a finite float32");
    }
    if (!length_fits(arg, numbers.size(), kVectorDimsMax, "numbers")) return false;
    const auto* bytes = reinterpret_cast<const char*>(numbers.data());
    value.slice = append(block, {bytes, numbers.size() * sizeof(float)}, kBlockAlign);
    return true;
  }

  bool bind_strvec(const stator_arg& arg, std::string_view text, stator_value& value,
                   Block& block) {
    std::vector<stator_slice> slices;
    json::Reader reader(text);
    if (!reader.enter_array()) return refuse_type(arg, "an array of strings");
    while (reader.next_element()) {
      json::RawString raw;
      if (reader.peek() != json::Kind::kString || !reader.string(raw)) {
        return refuse_at(element(arg, slices.size()), "a string");
      }
      slices.push_back(append(block, json::unescape(raw), 1));
    }
    if (!length_fits(arg, slices.size(), kListElementsMax, "strings")) return false;
    value.slice = append_slices(block, slices);
    return true;
  }

  bool bind_json(const stator_arg& arg, std::string_view text, stator_value& value, Block& block) {
    constexpr std::uint32_t kKinds =
        STATOR_ARG_JSON_OBJECT | STATOR_ARG_JSON_ARRAY | STATOR_ARG_JSON_SCALAR;
    const std::uint32_t kind = text.front() == '{'   ? STATOR_ARG_JSON_OBJECT
                               : text.front() == '[' ? STATOR_ARG_JSON_ARRAY
                                                     : STATOR_ARG_JSON_SCALAR;
    if ((arg.flags & kKinds) != 0 && (arg.flags & kind) == 0) {
      std::string accepted;
      const auto name = [&](std::uint32_t flag, const char* word) {
        if ((arg.flags & flag) == 0) return;
        accepted += (accepted.empty() ? "" : " or ") + std::string(word);
      };
      name(STATOR_ARG_JSON_OBJECT, "an object");
      name(STATOR_ARG_JSON_ARRAY, "an array");
      name(STATOR_ARG_JSON_SCALAR, "a scalar");
      return refuse_type(arg, accepted);
    }
    if (!length_fits(arg, text.size(), kFrameBytesMax, "bytes")) return false;
    value.slice = append(block, text, 1);
    return true;
  }

  bool bind_rows(const stator_arg& arg, std::string_view text, stator_value& value, Block& block) {
    std::vector<stator_slice> slices;
    std::size_t count = 0;
    json::Reader reader(text);
    if (!reader.enter_array()) return refuse_type(arg, "an array of objects");
    for (; reader.next_element(); ++count) {
      std::string_view row_text;
      if (reader.peek() != json::Kind::kObject || !reader.skip(row_text)) {
        return refuse_at(element(arg, count), "an object");
      }
      Block row;
      ArgBinder nested(placement_, element(arg, count));
      if (!nested.bind({arg.fields, static_cast<std::size_t>(arg.field_count)}, row_text, row)) {
        return refuse(nested.field(), nested.detail());
      }
      const auto vshard = reinterpret_cast<const stator_arg_block*>(row.data())->vshard;
      if (placement_.only_lane && vshard % placement_.lanes != *placement_.only_lane) continue;
      slices.push_back(append(block, {row.data(), row.size()}, kBlockAlign));
    }
    if (!length_fits(arg, count, kListElementsMax, "rows")) return false;
    value.slice = append_slices(block, slices);
    return true;
  }

  bool length_fits(const stator_arg& arg, std::size_t size, std::size_t own_max, const char* unit) {
    if (size <= own_max && in_range(arg, size)) return true;
    return refuse_type(arg, (is_bounded(arg) ? range(arg) : "at most " + std::to_string(own_max)) +
                                " " + unit + " long");
  }
  std::string path_of(const stator_arg& arg) const {
    return (path_.empty() ? "" : path_ + ".") + arg.name;
  }
  std::string element(const stator_arg& arg, std::size_t index) const {
    return path_of(arg) + "[" + std::to_string(index) + "]";
  }
  bool refuse_type(const stator_arg& arg, const std::string& wanted) {
    return refuse_at(path_of(arg), wanted);
  }
  bool refuse_at(const std::string& path, const std::string& wanted) {
    return refuse(path, "'" + path + "' must be " + wanted);
  }
  bool refuse_number(const stator_arg& arg, std::size_t index, const std::string& wanted) {
    return refuse(path_of(arg), "'" + path_of(arg) + "' must hold numbers only: element " +
                                    std::to_string(index) + " is not " + wanted);
  }
  bool refuse(const std::string& field, const std::string& detail) {
    field_ = field;
    detail_ = detail;
    return false;
  }

  Placement placement_;
  std::string path_;
  std::string field_;
  std::string detail_;
};

}  // namespace stator::testkit
