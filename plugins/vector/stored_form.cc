#include "stored_form.h"

#include <cstring>

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
  out.reserve(sizeof header + record.document_id.size() + record.values.size());
  return out.append(raw(header)).append(record.document_id).append(record.values);
}

std::optional<PutRecord> decode_put(std::string_view payload) {
  PutHeader header{};
  if (payload.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, payload.data(), sizeof header);
  payload.remove_prefix(sizeof header);
  const auto rule = unpack(header.rule);
  const std::uint32_t id_bytes = header.document_id_bytes;
  if (!rule || id_bytes == 0 || id_bytes > kDocumentIdBytesMax ||
      payload.size() != id_bytes + rule->dim * sizeof(float)) {
    return std::nullopt;
  }
  return PutRecord{*rule, payload.substr(0, id_bytes), payload.substr(id_bytes)};
}

}  // namespace stator::vector
