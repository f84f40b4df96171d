// Reads JSON (RFC 8259) in one pass, without a tree and without allocation.
//
// A Reader is a cursor over a text. Every function checks the grammar of what it passes; the first
// fault is kept (error(), offset()) and everything after it returns false. Bytes outside strings
// are checked here; that the text as a whole is valid UTF-8 is the caller's to check (the kernel
// does so once a frame). Views point into the text.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "stator/json_scan.hpp"

namespace stator::json {

enum class Kind : std::uint8_t { kObject, kArray, kString, kNumber, kBool, kNull, kEnd, kBad };

// The text between the quotes of a string, still escaped where `escaped` says so.
struct RawString {
  std::string_view text;
  bool escaped = false;
};

inline constexpr int kDepthMax = 128;

// By the first byte of a value.
inline constexpr std::array<Kind, 256> kKinds = [] {
  std::array<Kind, 256> kinds{};
  kinds.fill(Kind::kBad);
  kinds['{'] = Kind::kObject;
  kinds['['] = Kind::kArray;
  kinds['"'] = Kind::kString;
  kinds['t'] = kinds['f'] = Kind::kBool;
  kinds['n'] = Kind::kNull;
  kinds['-'] = Kind::kNumber;
  for (unsigned char c = '0'; c <= '9'; ++c) kinds[c] = Kind::kNumber;
  return kinds;
}();

class Reader {
 public:
  explicit Reader(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // The kind of the next value; moves over white space only.
  Kind peek() {
    space();
    if (at_ == end_) return error_ == nullptr ? Kind::kEnd : Kind::kBad;
    return kKinds[static_cast<unsigned char>(*at_)];
  }

  // for (reader.enter_object(); reader.next_key(key);) { read one value; }
  bool enter_object() { return enter('{'); }
  bool next_key(RawString& key) {
    if (!next_member('}')) return false;
    if (at_ == end_ || *at_ != '"') return fail("expected a key in quotes");
    if (!quoted(key)) return false;
    space();
    if (at_ == end_ || *at_ != ':') return fail("expected ':'");
    ++at_;
    space();
    return true;
  }
  // Where next_key() would pass just `text`, passes it; else, or if `text` is empty, false. It must
  // be what next_key() passed once at the same place of an object: behind its brace or behind a
  // value.
  bool pass_member(std::string_view text) {
    if (text.empty() || static_cast<std::size_t>(end_ - at_) < text.size()) return false;
    if (std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    first_ = false;
    return true;
  }
  // for (reader.enter_array(); reader.next_element();) { read one value; }
  bool enter_array() { return enter('['); }
  bool next_element() { return next_member(']'); }

  bool string(RawString& out) {
    space();
    if (at_ == end_ || *at_ != '"') return fail("expected a string");
    return quoted(out);
  }

  // The number's text; it obeys the grammar.
  bool number(std::string_view& token) {
    space();
    const char* start = at_;
    if (at_ != end_ && *at_ == '-') ++at_;
    if (at_ == end_ || !digit()) return fail("expected a number");
    if (*at_ == '0') {
      ++at_;
    } else {
      digits();
    }
    if (at_ != end_ && digit()) return fail("a number must not begin with 0");
    if (at_ != end_ && *at_ == '.') {
      ++at_;
      if (at_ == end_ || !digit()) return fail("expected digits behind '.'");
      digits();
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (at_ == end_ || !digit()) return fail("expected digits in the exponent");
      digits();
    }
    token = std::string_view(start, static_cast<std::size_t>(at_ - start));
    return true;
  }

  bool boolean(bool& out) {
    space();
    if (literal("true")) {
      out = true;
      return true;
    }
    if (literal("false")) {
      out = false;
      return true;
    }
    return fail("expected true or false");
  }
  bool null() {
    space();
    return literal("null") || fail("expected null");
  }

  // Passes one value of any kind, checking it; `raw` is its text.
  bool skip(std::string_view& raw) {
    space();
    const char* start = at_;
    if (!skip_value()) return false;
    raw = std::string_view(start, static_cast<std::size_t>(at_ - start));
    return true;
  }

  // Nothing but white space is left.
  bool at_end() {
    space();
    return error_ == nullptr && at_ == end_;
  }
  bool failed() const { return error_ != nullptr; }
  const char* error() const { return error_ == nullptr ? "" : error_; }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  // Says that the caller found a fault here.
  [[gnu::cold]] bool fail(const char* why) {
    if (error_ == nullptr) error_ = why;
    end_ =
        at_;  // so nothing is found behind it, and only peek() and at_end() have to look at error_
    return false;
  }

 private:
  void space() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ') pass_space();
  }
  [[gnu::noinline]] void pass_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  // at_ stands on the quote.
  bool quoted(RawString& out) {
    const char* start = at_ + 1;
    at_ = plain_end<false>(begin_, start, end_);
    if (at_ == end_ || *at_ != '"') return rest_of_string(start, out);
    out = {std::string_view(start, static_cast<std::size_t>(at_ - start)), false};
    ++at_;
    return true;
  }
  // at_ stands where the first plain stretch of the string at `start` ends, and that is no quote.
  [[gnu::noinline]] bool rest_of_string(const char* start, RawString& out) {
    for (; at_ != end_ && *at_ != '"'; at_ = plain_end<false>(begin_, at_, end_)) {
      if (*at_ != '\\') return fail("control character in a string");
      if (!escape()) return false;
      ++at_;
    }
    if (at_ == end_) return fail("string without end");
    out = {std::string_view(start, static_cast<std::size_t>(at_ - start)), true};
    ++at_;
    return true;
  }
  bool digit() const { return *at_ >= '0' && *at_ <= '9'; }
  void digits() {
    while (at_ != end_ && digit()) ++at_;
  }
  bool enter(char c) {
    space();
    if (at_ == end_ || *at_ != c) return fail(c == '{' ? "expected an object" : "expected an array");
    if (++depth_ > kDepthMax) return fail("nested too deeply");
    ++at_;
    first_ = true;
    return true;
  }
  bool next_member(char close) {
    space();
    if (at_ == end_) return fail("unexpected end");
    if (*at_ == close) {
      ++at_;
      --depth_;
      first_ = false;
      return false;
    }
    if (!first_) {
      if (*at_ != ',') return fail("expected ','");
      ++at_;
      space();
      if (at_ == end_ || *at_ == close) return fail("expected a value behind ','");
    }
    first_ = false;
    return true;
  }
  bool literal(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size()) return false;
    if (std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }
  static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }
  // at_ stands on the backslash; leaves it on the escape's last byte.
  bool escape() {
    if (++at_ == end_) return fail("string without end");
    if (*at_ == 'u') return unicode_escape();
    return std::strchr("\"\\/bfnrt", *at_) != nullptr && *at_ != '\0' ? true : fail("unknown escape");
  }
  bool unicode_escape() {
    int unit = 0;
    if (!hex4(unit)) return false;
    if (unit >= 0xDC00 && unit <= 0xDFFF) return fail("lone low surrogate");
    if (unit < 0xD800 || unit > 0xDBFF) return true;
    if (end_ - at_ < 3 || at_[1] != '\\' || at_[2] != 'u') return fail("lone high surrogate");
    at_ += 2;
    if (!hex4(unit)) return false;
    return unit >= 0xDC00 && unit <= 0xDFFF ? true : fail("lone high surrogate");
  }
  // at_ stands on 'u'; leaves it on the fourth digit.
  bool hex4(int& unit) {
    if (end_ - at_ < 5) return fail("string without end");
    unit = 0;
    for (int i = 1; i <= 4; ++i) {
      const int d = hex(at_[i]);
      if (d < 0) return fail("expected four hex digits");
      unit = unit * 16 + d;
    }
    at_ += 4;
    return true;
  }
  bool skip_value() {
    std::string_view token;
    RawString text;
    bool flag = false;
    switch (peek()) {
      case Kind::kString: return string(text);
      case Kind::kNumber: return number(token);
      case Kind::kBool: return boolean(flag);
      case Kind::kNull: return null();
      case Kind::kObject: {
        if (!enter_object()) return false;
        while (next_key(text)) {
          if (!skip_value()) return false;
        }
        return error_ == nullptr;
      }
      case Kind::kArray: {
        if (!enter_array()) return false;
        while (next_element()) {
          if (!skip_value()) return false;
        }
        return error_ == nullptr;
      }
      case Kind::kEnd: return fail("unexpected end");
      case Kind::kBad: break;
    }
    return fail("expected a value");
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
  int depth_ = 0;
  bool first_ = false;
};

// Bytes that unescape() may write: never more than the raw text has.
inline std::size_t unescaped_bytes_max(const RawString& raw) { return raw.text.size(); }

// Writes the string's value to `to` (unescaped_bytes_max bytes of room); returns its size.
inline std::size_t unescape(const RawString& raw, char* to) {
  if (!raw.escaped) {
    if (!raw.text.empty()) std::memcpy(to, raw.text.data(), raw.text.size());
    return raw.text.size();
  }
  const auto hex4 = [](const char* p) {
    unsigned value = 0;
    std::from_chars(p, p + 4, value, 16);
    return value;
  };
  char* out = to;
  const char* p = raw.text.data();
  const char* end = p + raw.text.size();
  while (p < end) {
    if (*p != '\\') {
      *out++ = *p++;
      continue;
    }
    const char c = p[1];
    p += 2;
    switch (c) {
      case 'b': *out++ = '\b'; break;
      case 'f': *out++ = '\f'; break;
      case 'n': *out++ = '\n'; break;
      case 'r': *out++ = '\r'; break;
      case 't': *out++ = '\t'; break;
      case 'u': {
        unsigned code = hex4(p);
        p += 4;
        if (code >= 0xD800 && code <= 0xDBFF) {
          code = 0x10000 + ((code - 0xD800) << 10) + (hex4(p + 2) - 0xDC00);
          p += 6;
        }
        if (code < 0x80) {
          *out++ = static_cast<char>(code);
        } else if (code < 0x800) {
          *out++ = static_cast<char>(0xC0 | (code >> 6));
          *out++ = static_cast<char>(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
          *out++ = static_cast<char>(0xE0 | (code >> 12));
          *out++ = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
          *out++ = static_cast<char>(0x80 | (code & 0x3F));
        } else {
          *out++ = static_cast<char>(0xF0 | (code >> 18));
          *out++ = static_cast<char>(0x80 | ((code >> 12) & 0x3F));
          *out++ = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
          *out++ = static_cast<char>(0x80 | (code & 0x3F));
        }
        break;
      }
      default: *out++ = c;
    }
  }
  return static_cast<std::size_t>(out - to);
}

inline std::string unescape(const RawString& raw) {
  std::string out(unescaped_bytes_max(raw), '\0');
  out.resize(unescape(raw, out.data()));
  return out;
}

// A key without escapes can be compared as it stands.
inline bool equals(const RawString& raw, std::string_view text) {
  return raw.escaped ? unescape(raw) == text : raw.text == text;
}

// The token as an integer; false if it has a fraction or exponent or does not fit. "-0" is 0.
inline bool to_integer(std::string_view token, std::int64_t& out) {
  const auto [ptr, status] = std::from_chars(token.data(), token.data() + token.size(), out);
  return status == std::errc() && ptr == token.data() + token.size();
}
inline bool to_integer(std::string_view token, std::uint64_t& out) {
  if (token == "-0") token.remove_prefix(1);
  const auto [ptr, status] = std::from_chars(token.data(), token.data() + token.size(), out);
  return status == std::errc() && ptr == token.data() + token.size();
}
// The token as the nearest double; false if it overflows.
inline bool to_double(std::string_view token, double& out) {
  const auto [ptr, status] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (status == std::errc::result_out_of_range) {
    // from_chars does not tell underflow from overflow; strtod does.
    out = std::strtod(std::string(token).c_str(), nullptr);
    return out > -1.7e308 && out < 1.7e308;
  }
  return status == std::errc() && ptr == token.data() + token.size();
}

}  // namespace stator::json
