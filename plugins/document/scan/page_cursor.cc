#include "scan/page_cursor.h"

#include <cstring>

namespace stator::document {
namespace {

constexpr char kVersion = 1;
constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint64_t) + sizeof(std::uint16_t);

template <class T>
void append(std::string& to, T number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof raw);
  to.append(raw, sizeof raw);
}

bool from_hex(std::string_view text, std::string& out) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = kDigits.find(text[i]);
    const std::size_t low = kDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

}  // namespace

Fingerprint& Fingerprint::add(std::string_view text) {
  const auto mix = [&](std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3U; };
  for (const char c : text) mix(static_cast<std::uint8_t>(c));
  for (std::size_t size = text.size(), i = 0; i < sizeof size; ++i) {
    mix(static_cast<std::uint8_t>(size >> (8 * i)));
  }
  return *this;
}

void end_page(const PageEnd& end, Reply& reply, json::Writer& writer) {
  const std::string cursor = write_page_cursor(end.fingerprint, end.position);
  if (cursor.empty()) {
    writer.field("more", true);
    return;
  }
  writer.field("cursor", std::string_view(cursor));
  reply.more(cursor);
}

std::string write_page_cursor(std::uint64_t fingerprint, const PagePosition& position) {
  std::string text;
  if ((kHeadBytes + position.tie.size() + position.values.size()) * 2 > kPageCursorBytesMax) {
    return text;
  }
  std::string bytes(1, kVersion);
  append(bytes, fingerprint);
  append(bytes, static_cast<std::uint16_t>(position.tie.size()));
  bytes.append(position.tie).append(position.values);
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 15U]);
  }
  return text;
}

bool read_page_cursor(std::string_view text, std::uint64_t fingerprint, PagePosition& out) {
  std::string bytes;
  if (!from_hex(text, bytes) || bytes.size() < kHeadBytes || bytes[0] != kVersion) return false;
  std::uint64_t made_for = 0;
  std::uint16_t tie = 0;
  std::memcpy(&made_for, bytes.data() + 1, sizeof made_for);
  std::memcpy(&tie, bytes.data() + 1 + sizeof made_for, sizeof tie);
  if (made_for != fingerprint || bytes.size() < kHeadBytes + tie) return false;
  out.tie = bytes.substr(kHeadBytes, tie);
  out.values = bytes.substr(kHeadBytes + tie);
  return true;
}

}  // namespace stator::document
