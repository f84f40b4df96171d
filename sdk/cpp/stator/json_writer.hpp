// Writes JSON (RFC 8259) into memory that somebody else grows.
//
// The one JSON writer of the project: the kernel's frames, the engines' answers and the client use
// it, so whatever bytes users store, what leaves is valid JSON.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "stator/json_scan.hpp"

namespace stator::json {

// Where a Writer writes: the room [cursor, limit). `grow` makes at least `bytes` more room or
// returns false, after which everything written is dropped and `failed` stays true.
struct Out {
  char* cursor = nullptr;
  char* limit = nullptr;
  bool (*grow)(Out& out, std::size_t bytes) = nullptr;
  bool failed = false;

  bool need(std::size_t bytes) {
    if (static_cast<std::size_t>(limit - cursor) < bytes && (failed || !grow(*this, bytes))) {
      failed = true;
      return false;
    }
#ifdef __clang_analyzer__
    // Where there is room is not null; the analyzer does not subtract pointers, so we say it.
    if (cursor == nullptr) __builtin_unreachable();
#endif
    return true;
  }
  void put(char c) {
    if (need(1)) *cursor++ = c;
  }
  void put(std::string_view text) {
    if (!text.empty() && need(text.size())) {
      std::memcpy(cursor, text.data(), text.size());
      cursor += text.size();
    }
  }
};

// An Out over a std::string; str() is valid after the last write.
class StringOut : public Out {
 public:
  StringOut() {
    grow = [](Out& out, std::size_t bytes) {
      auto& self = static_cast<StringOut&>(out);
      const std::size_t used = self.used();
      self.text_.resize((used + bytes) * 2 + 64);
      self.cursor = self.text_.data() + used;
      self.limit = self.text_.data() + self.text_.size();
      return true;
    };
  }
  StringOut(const StringOut&) = delete;
  StringOut& operator=(const StringOut&) = delete;
  // What was written; empties the buffer.
  std::string take() {
    text_.resize(used());
    cursor = limit = nullptr;
    return std::move(text_);
  }
  std::string_view view() const { return {text_.data(), used()}; }
  // Empties the buffer, whose room stays.
  void clear() {
    cursor = text_.data();
    limit = cursor + text_.size();
  }

 private:
  std::size_t used() const {
    return cursor == nullptr ? 0 : static_cast<std::size_t>(cursor - text_.data());
  }
  std::string text_;
};

// Appends `text` with quotes and escapes. Bytes that are not valid UTF-8 become U+FFFD, so the
// result is valid whatever comes in.
void write_string(Out& out, std::string_view text);

// Commas are set by the writer; the caller keeps begin/end and key/value in balance.
class Writer {
 public:
  explicit Writer(Out& out) : out_(&out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name) {
    separate();
    write_string(*out_, name);
    out_->put(':');
    comma_ = false;
    return *this;
  }
  Writer& string(std::string_view text) {
    separate();
    write_string(*out_, text);
    return *this;
  }
  Writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  Writer& null() { return raw("null"); }
  Writer& number(std::uint64_t value) { return integer(value); }
  Writer& number(std::int64_t value) { return integer(value); }
  Writer& number(std::uint32_t value) { return integer(std::uint64_t{value}); }
  Writer& number(std::int32_t value) { return integer(std::int64_t{value}); }
  // Shortest text that reads back as the same value; not finite: null.
  Writer& number(double value) { return floating(value); }
  Writer& number(float value) { return floating(value); }
  // A JSON text, taken as it is.
  Writer& raw(std::string_view text) {
    separate();
    out_->put(text);
    return *this;
  }
  template <class T>
  Writer& field(std::string_view name, T value) {
    key(name);
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return number(value);
    } else {
      return string(value);
    }
  }
  // The next value is written by the caller straight into out().
  void separate() {
    if (comma_) out_->put(',');
    comma_ = true;
  }
  Out& out() { return *out_; }

 private:
  Writer& open(char c) {
    separate();
    out_->put(c);
    comma_ = false;
    return *this;
  }
  Writer& close(char c) {
    out_->put(c);
    comma_ = true;
    return *this;
  }
  template <class T>
  Writer& integer(T value) {
    separate();
    if (out_->need(24)) out_->cursor = std::to_chars(out_->cursor, out_->cursor + 24, value).ptr;
    return *this;
  }
  template <class T>
  Writer& floating(T value) {
    if (!std::isfinite(value)) return null();
    separate();
    if (out_->need(40)) out_->cursor = std::to_chars(out_->cursor, out_->cursor + 40, value).ptr;
    return *this;
  }

  Out* out_;
  bool comma_ = false;
};

namespace detail {

// Length of the valid UTF-8 sequence at `p`, or 0 (RFC 3629: no overlong forms, no surrogates).
inline std::size_t utf8_length(const unsigned char* p, std::size_t left) {
  const unsigned char c = p[0];
  const auto tail = [&](std::size_t i) { return i < left && (p[i] & 0xC0) == 0x80; };
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (c == 0xE0 && p[1] < 0xA0) return 0;
    if (c == 0xED && p[1] > 0x9F) return 0;
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (c == 0xF0 && p[1] < 0x90) return 0;
    if (c == 0xF4 && p[1] > 0x8F) return 0;
    return 4;
  }
  return 0;
}

inline void write_escape(Out& out, unsigned char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"': out.put("\\\""); return;
    case '\\': out.put("\\\\"); return;
    case '\n': out.put("\\n"); return;
    case '\r': out.put("\\r"); return;
    case '\t': out.put("\\t"); return;
    default: {
      const char text[6] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      out.put(std::string_view(text, 6));
    }
  }
}

}  // namespace detail

inline void write_string(Out& out, std::string_view text) {
  if (!out.need(text.size() + 2)) return;
  if (copy_plain(text.data(), text.size(), out.cursor + 1)) {
    // Nothing to escape, as nearly always.
    *out.cursor = '"';
    out.cursor += text.size() + 2;
    out.cursor[-1] = '"';
    return;
  }
  out.put('"');
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const char* end = text.data() + text.size();
  std::size_t run = 0;  // start of the stretch that can be copied as it is
  std::size_t i = 0;
  for (;;) {
    i = static_cast<std::size_t>(plain_end<true>(text.data(), text.data() + i, end) - text.data());
    if (i == text.size()) break;
    const unsigned char c = p[i];
    const std::size_t length = c < 0x80 ? 0 : detail::utf8_length(p + i, text.size() - i);
    if (length != 0) {
      i += length;
      continue;
    }
    out.put(text.substr(run, i - run));
    if (c < 0x80) {
      detail::write_escape(out, c);
    } else {
      out.put("\xEF\xBF\xBD");
    }
    run = ++i;
  }
  out.put(text.substr(run));
  out.put('"');
}

}  // namespace stator::json
