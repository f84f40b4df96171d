// The store of one lane of the fake kernel: an ordered map with the names of keys.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "stator/json_writer.hpp"

namespace stator::testkit::detail {

// The engine broke the contract: says how and stops the process.
[[noreturn]] inline void fault(const std::string& sentence) {
  std::fprintf(stderr, "fake kernel: the engine broke the contract: %s\n", sentence.c_str());
  std::abort();
}

inline bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = json::detail::utf8_length(bytes + i, text.size() - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

struct Entry {
  std::string value;
  std::uint32_t vshard = 0;
};

struct LaneStore {
  // Key: tenant (4 bytes, big-endian), collection, NUL, space, the engine's key.
  std::map<std::string, Entry, std::less<>> entries;
  std::uint64_t writes = 0;
  std::uint64_t keys_ahead = 0;  // that kv.prefetch was given
  std::uint64_t gets_ahead = 0;  // of them, those for which get was called then
};

inline std::string key_prefix(std::uint32_t tenant, std::string_view collection,
                              std::uint8_t space) {
  std::string prefix;
  for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(tenant >> shift & 0xff);
  prefix.append(collection);
  prefix += '\0';
  prefix += static_cast<char>(space);
  return prefix;
}

// A stored key taken apart.
struct KeyParts {
  std::uint32_t tenant = 0;
  std::string_view collection;
  std::uint8_t space = 0;
  std::string_view key;
};
inline KeyParts split_key(std::string_view stored) {
  KeyParts parts;
  for (int i = 0; i < 4; ++i) {
    parts.tenant =
        parts.tenant << 8 | static_cast<std::uint8_t>(stored[static_cast<std::size_t>(i)]);
  }
  const std::size_t end = stored.find('\0', 4);
  parts.collection = stored.substr(4, end - 4);
  parts.space = static_cast<std::uint8_t>(stored[end + 1]);
  parts.key = stored.substr(end + 2);
  return parts;
}

// "tenant=1 collection=users space=2 vshard=7 key=a\x00b", for people and for comparing.
inline std::string key_text(std::string_view stored, std::uint32_t vshard) {
  const KeyParts parts = split_key(stored);
  std::string text =
      "tenant=" + std::to_string(parts.tenant) + " collection=" + std::string(parts.collection) +
      " space=" + std::to_string(parts.space) + " vshard=" + std::to_string(vshard) + " key=";
  for (const char c : parts.key) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      text += c;
      continue;
    }
    char hex[5];
    std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(static_cast<std::uint8_t>(c)));
    text += hex;
  }
  return text;
}

}  // namespace stator::testkit::detail
