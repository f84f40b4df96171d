// Bytes that outlive the process: records of the log and entries of the store (README.md draws
// them). Numbers are little-endian, floats IEEE 754 binary32.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collection/rule.h"

namespace stator::vector {

static_assert(std::endian::native == std::endian::little, "stored bytes are little-endian");

inline constexpr std::uint32_t kRecordPut = 1;
inline constexpr std::uint32_t kRecordDelete = 2;  // payload: the document id

inline constexpr std::uint8_t kSpaceVectors = 0;  // document id -> float32 values as they were put
inline constexpr std::uint8_t kSpaceRule = 1;     // kRuleKey -> the collection's rule
inline constexpr std::uint8_t kSpacePayloads = 2;  // document id -> payload, where there is one
inline constexpr std::string_view kRuleKey = "rule";
inline constexpr std::uint32_t kPayloadBytesMax = 64 * 1024;  // as JSON text

// The effect of one upsert; views into what was decoded. `values` holds rule.dim float32 of any
// alignment; `payload` is a packed object (stator/packed/value.hpp), or empty.
struct PutRecord {
  Rule rule;
  std::string_view document_id;
  std::string_view values;
  std::string_view payload = {};
};

std::string encode(const PutRecord& record);
std::optional<PutRecord> decode_put(std::string_view payload);

// Whether these bytes are one packed object, as far as its first five bytes tell.
bool is_payload(std::string_view bytes);

std::string encode(const Rule& rule);
std::optional<Rule> decode_rule(std::string_view value);

inline std::string_view bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace stator::vector
