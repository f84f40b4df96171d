// JSON text -> stored form (stator/packed/value.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"
#include "stator/packed/decimal.hpp"
#include "stator/packed/value.hpp"

namespace stator::packed {

// Encodes one value after another, reusing its memory. Where an object names a key twice, the last
// value wins and stands at the first one's place.
class Encoder {
 public:
  // Appends the stored form of the value that `text` consists of. False, with error(), where the
  // text is not JSON (RFC 8259), is nested deeper than json::kDepthMax or has a number whose
  // exponent exceeds kExponentMax; `out` is then as long as before.
  bool encode(std::string_view text, std::string& out);
  const char* error() const { return error_; }

 private:
  struct Member {
    std::size_t start;  // offsets in the output
    std::size_t key;
    std::size_t value;
    std::size_t end;
  };

  bool value(json::Reader& reader, std::string& out);
  bool array(json::Reader& reader, std::string& out);
  bool object(json::Reader& reader, std::string& out);
  bool number(json::Reader& reader, std::string& out);
  bool literal(json::Reader& reader, std::string& out);
  void append_string(const json::RawString& raw, std::string& out);
  // Keeps the last value of each key among members_[first..].
  void drop_duplicates(std::size_t first, std::string& out);

  std::vector<Member> members_;  // of all objects that are open, the innermost last
  std::vector<std::size_t> order_;
  std::string unescaped_;
  const char* error_ = "";
};

// Packed numbers. An unsigned one lies above int64; a double is finite.
void append_number(std::string& out, std::int64_t number);
void append_number(std::string& out, std::uint64_t number);
void append_number(std::string& out, double number);

namespace detail {

inline void append_tag(std::string& out, Tag tag) { out.push_back(static_cast<char>(tag)); }

// Returns where the size of the container is to be written.
inline std::size_t begin_container(std::string& out, Tag tag) {
  append_tag(out, tag);
  const std::size_t at = out.size();
  out.append(sizeof(std::uint32_t), '\0');
  return at;
}

// Fails only for a container of 4 GiB.
inline bool end_container(std::string& out, std::size_t at) {
  const std::size_t size = out.size() - at - sizeof(std::uint32_t);
  if (size > std::numeric_limits<std::uint32_t>::max()) return false;
  const auto stored = static_cast<std::uint32_t>(size);
  std::memcpy(out.data() + at, &stored, sizeof stored);
  return true;
}

inline void append_integer(std::string& out, std::int64_t number) {
  append_tag(out, Tag::kInteger);
  const auto bits = static_cast<std::uint64_t>(number);
  append_varint(out, (bits << 1) ^ (number < 0 ? ~std::uint64_t{0} : 0));
}

inline void append_double(std::string& out, double number) {
  append_tag(out, Tag::kDouble);
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof raw);
  out.append(raw, sizeof raw);
}

// The nearest double, if its text denotes the same decimal as `token` does.
inline bool as_exact_double(std::string_view token, const Decimal& exact, double& out) {
  if (!json::to_double(token, out) || !std::isfinite(out)) return false;
  Value stored;
  stored.tag = Tag::kDouble;
  stored.bits = std::bit_cast<std::uint64_t>(out);
  NumberRoom room{};
  return compare_decimals(decimal_of(stored, room), exact) == 0;
}

}  // namespace detail

inline void append_number(std::string& out, std::int64_t number) {
  detail::append_integer(out, number);
}
inline void append_number(std::string& out, std::uint64_t number) {
  detail::append_tag(out, Tag::kUnsigned);
  append_varint(out, number);
}
inline void append_number(std::string& out, double number) { detail::append_double(out, number); }

inline bool Encoder::encode(std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  error_ = "";
  members_.clear();
  json::Reader reader(text);
  if (!value(reader, out) || !reader.at_end()) {
    if (*error_ == '\0') error_ = reader.failed() ? reader.error() : "expected one JSON value";
    out.resize(before);
    return false;
  }
  return true;
}

inline bool Encoder::value(json::Reader& reader, std::string& out) {
  switch (reader.peek()) {
    case json::Kind::kObject:
      return object(reader, out);
    case json::Kind::kArray:
      return array(reader, out);
    case json::Kind::kNumber:
      return number(reader, out);
    case json::Kind::kString: {
      json::RawString raw;
      if (!reader.string(raw)) return false;
      detail::append_tag(out, Tag::kString);
      append_string(raw, out);
      return true;
    }
    default:
      return literal(reader, out);
  }
}

inline bool Encoder::literal(json::Reader& reader, std::string& out) {
  if (reader.peek() == json::Kind::kNull) {
    detail::append_tag(out, Tag::kNull);
    return reader.null();
  }
  bool flag = false;
  if (!reader.boolean(flag)) return false;
  detail::append_tag(out, flag ? Tag::kTrue : Tag::kFalse);
  return true;
}

inline bool Encoder::number(json::Reader& reader, std::string& out) {
  std::string_view token;
  if (!reader.number(token)) return false;
  std::int64_t integer = 0;
  std::uint64_t positive = 0;
  if (token != "-0" && json::to_integer(token, integer)) {
    detail::append_integer(out, integer);
    return true;
  }
  if (token.front() != '-' && json::to_integer(token, positive)) {
    detail::append_tag(out, Tag::kUnsigned);
    append_varint(out, positive);
    return true;
  }
  Decimal exact;
  if (!parse_decimal(token, exact)) {
    error_ = "a number's exponent is beyond 999999999";
    return false;
  }
  double nearest = 0;
  if (detail::as_exact_double(token, exact, nearest)) {
    detail::append_double(out, nearest);
    return true;
  }
  detail::append_tag(out, Tag::kDecimal);
  append_sized(out, token);
  return true;
}

inline void Encoder::append_string(const json::RawString& raw, std::string& out) {
  if (!raw.escaped) return append_sized(out, raw.text);
  unescaped_.resize(json::unescaped_bytes_max(raw));
  unescaped_.resize(json::unescape(raw, unescaped_.data()));
  append_sized(out, unescaped_);
}

inline bool Encoder::array(json::Reader& reader, std::string& out) {
  const std::size_t at = detail::begin_container(out, Tag::kArray);
  if (!reader.enter_array()) return false;
  while (reader.next_element()) {
    if (!value(reader, out)) return false;
  }
  return !reader.failed() && detail::end_container(out, at);
}

inline bool Encoder::object(json::Reader& reader, std::string& out) {
  const std::size_t at = detail::begin_container(out, Tag::kObject);
  const std::size_t first = members_.size();
  if (!reader.enter_object()) return false;
  json::RawString key;
  while (reader.next_key(key)) {
    Member member{};
    member.start = out.size();
    append_string(key, out);
    member.value = out.size();
    member.key = member.value - (key.escaped ? unescaped_.size() : key.text.size());
    if (!value(reader, out)) return false;
    member.end = out.size();
    members_.push_back(member);
  }
  if (reader.failed()) return false;
  drop_duplicates(first, out);
  members_.resize(first);
  return detail::end_container(out, at);
}

inline void Encoder::drop_duplicates(std::size_t first, std::string& out) {
  if (members_.size() - first < 2) return;
  const auto key_of = [&](std::size_t i) {
    const Member& m = members_[i];
    return std::string_view(out).substr(m.key, m.value - m.key);
  };
  order_.clear();
  for (std::size_t i = first; i < members_.size(); ++i) order_.push_back(i);
  std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
    const int order = key_of(a).compare(key_of(b));
    return order != 0 ? order < 0 : a < b;
  });
  const auto same_key = [&](std::size_t a, std::size_t b) { return key_of(a) == key_of(b); };
  if (std::adjacent_find(order_.begin(), order_.end(), same_key) == order_.end()) return;

  // Rare: write the members anew; of each run of equal keys the first place, the last value.
  constexpr std::size_t kDropped = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> source(members_.size() - first, kDropped);
  for (std::size_t i = 0; i < order_.size();) {
    std::size_t last = i;
    while (last + 1 < order_.size() && same_key(order_[i], order_[last + 1])) ++last;
    source[order_[i] - first] = order_[last];
    i = last + 1;
  }
  std::string kept;
  for (std::size_t i = first; i < members_.size(); ++i) {
    if (source[i - first] == kDropped) continue;
    const Member& place = members_[i];
    const Member& winner = members_[source[i - first]];
    kept.append(out, place.start, place.value - place.start);
    kept.append(out, winner.value, winner.end - winner.value);
  }
  out.replace(members_[first].start, std::string::npos, kept);
}

}  // namespace stator::packed
