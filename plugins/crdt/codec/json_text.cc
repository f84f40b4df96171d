#include "codec/json_text.h"

#include <charconv>

#include "stator/json_reader.hpp"

#include "bounds.h"

namespace stator::crdt {
namespace {

constexpr std::size_t kEscapeBytes = 6;  // \uXXXX

// The code unit of the \uXXXX at `at`, or -1 if none stands there.
int escape_at(std::string_view text, std::size_t at) {
  if (text.size() - at < kEscapeBytes || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  const char* digits = text.data() + at + 2;
  const auto [end, status] = std::from_chars(digits, digits + 4, unit, 16);
  return status == std::errc() && end == digits + 4 ? unit : -1;
}

bool is_high(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Brackets outside strings; the text need not be valid.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kValueDepthMax) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string repaired_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i++]);
      continue;
    }
    const int unit = escape_at(text, i);
    std::size_t taken = unit < 0 ? 2 : kEscapeBytes;
    bool lone = is_low(unit);
    if (is_high(unit)) {
      const bool pair = i + taken < text.size() && is_low(escape_at(text, i + taken));
      if (pair) taken += kEscapeBytes;
      lone = !pair;
    }
    out.append(lone ? std::string_view("\\ufffd") : text.substr(i, taken));
    i += taken;
  }
  return out;
}

bool is_json_text(std::string_view text) {
  if (too_deep(text)) return false;
  std::string repaired;
  if (text.find("\\u") != std::string_view::npos) {
    repaired = repaired_json(text);
    text = repaired;
  }
  json::Reader reader(text);
  std::string_view raw;
  return reader.skip(raw) && reader.at_end();
}

}  // namespace stator::crdt
