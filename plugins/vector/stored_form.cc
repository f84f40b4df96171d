#include "stored_form.h"

#include <cstring>

#include "stator/packed/value.hpp"

namespace stator::vector {
namespace {

constexpr std::uint8_t kFormat = 1;

struct RuleBytes {
  std::uint8_t format;
  std::uint8_t metric;
  std::uint16_t zero;
  std::uint32_t dim;
};
static_assert(sizeof(RuleBytes) == 8, "README.md, stored form");

struct PutHeader {
  RuleBytes rule;
  std::uint32_t document_id_bytes;
};
static_assert(sizeof(PutHeader) == 12, "README.md, stored form");

RuleBytes pack(const Rule& rule) {
  return {kFormat, static_cast<std::uint8_t>(rule.metric), 0, rule.dim};
}

std::optional<Rule> unpack(const RuleBytes& bytes) {
  const bool is_valid = bytes.format == kFormat && bytes.metric < kMetricCount && bytes.zero == 0 &&
                        bytes.dim >= 1 && bytes.dim <= kDimsMax;
  if (!is_valid) return std::nullopt;
  return Rule{static_cast<Metric>(bytes.metric), bytes.dim};
}

template <class T>
std::string_view raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

std::string encode(const Rule& rule) { return std::string(raw(pack(rule))); }

std::optional<Rule> decode_rule(std::string_view value) {
  RuleBytes bytes{};
  if (value.size() != sizeof bytes) return std::nullopt;
  std::memcpy(&bytes, value.data(), sizeof bytes);
  return unpack(bytes);
}

std::string encode(const PutRecord& record) {
  const PutHeader header = {pack(record.rule),
                            static_cast<std::uint32_t>(record.document_id.size())};
  std::string out;
  out.reserve(sizeof header + record.document_id.size() + record.values.size() +
              record.payload.size());
  out.append(raw(header)).append(record.document_id);
  return out.append(record.values).append(record.payload);
}

std::optional<PutRecord> decode_put(std::string_view payload) {
  PutHeader header{};
  if (payload.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, payload.data(), sizeof header);
  payload.remove_prefix(sizeof header);
  const auto rule = unpack(header.rule);
  const std::uint32_t id_bytes = header.document_id_bytes;
  if (!rule || id_bytes == 0 || id_bytes > kDocumentIdBytesMax) return std::nullopt;
  const std::size_t value_bytes = rule->dim * sizeof(float);
  if (payload.size() < id_bytes + value_bytes) return std::nullopt;
  const PutRecord record = {*rule, payload.substr(0, id_bytes),
                            payload.substr(id_bytes, value_bytes),
                            payload.substr(id_bytes + value_bytes)};
  if (!record.payload.empty() && !is_payload(record.payload)) return std::nullopt;
  return record;
}

bool is_payload(std::string_view bytes) {
  std::uint32_t size = 0;
  if (bytes.size() < 1 + sizeof size) return false;
  std::memcpy(&size, bytes.data() + 1, sizeof size);
  return static_cast<packed::Tag>(bytes.front()) == packed::Tag::kObject &&
         bytes.size() - 1 - sizeof size == size;
}

}  // namespace stator::vector
