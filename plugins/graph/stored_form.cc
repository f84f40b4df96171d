#include "stored_form.h"

#include <cstring>

namespace stator::graph {
namespace {

constexpr std::uint8_t kFormat = 1;

struct EdgeHeader {
  std::uint8_t format;
  std::uint8_t label_bytes;
  std::uint16_t from_bytes;
  std::uint16_t to_bytes;
  std::uint16_t zero;
};
static_assert(sizeof(EdgeHeader) == 8, "README.md, stored form");
static_assert(kLabelBytesMax <= 0xff && kNodeIdBytesMax <= 0xffff);

template <class T>
std::string_view raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string_view take(std::string_view& bytes, std::size_t count) {
  const std::string_view head = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return head;
}

// Takes header and names off `bytes`.
std::optional<EdgeNames> take_edge(std::string_view& bytes) {
  EdgeHeader header{};
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, take(bytes, sizeof header).data(), sizeof header);
  const std::size_t names_bytes =
      std::size_t{header.from_bytes} + header.label_bytes + header.to_bytes;
  const bool is_valid = header.format == kFormat && header.zero == 0 && header.from_bytes >= 1 &&
                        header.from_bytes <= kNodeIdBytesMax && header.to_bytes >= 1 &&
                        header.to_bytes <= kNodeIdBytesMax && header.label_bytes >= 1 &&
                        header.label_bytes <= kLabelBytesMax && names_bytes <= bytes.size();
  if (!is_valid) return std::nullopt;
  EdgeNames edge;
  edge.from = take(bytes, header.from_bytes);
  edge.label = take(bytes, header.label_bytes);
  edge.to = take(bytes, header.to_bytes);
  return edge;
}

std::uint32_t big_endian(std::uint32_t value) { return __builtin_bswap32(value); }

}  // namespace

std::string encode_delete(const EdgeNames& edge) {
  const EdgeHeader header = {kFormat, static_cast<std::uint8_t>(edge.label.size()),
                             static_cast<std::uint16_t>(edge.from.size()),
                             static_cast<std::uint16_t>(edge.to.size()), 0};
  std::string out(raw(header));
  return out.append(edge.from).append(edge.label).append(edge.to);
}

std::optional<EdgeNames> decode_delete(std::string_view payload) {
  const auto edge = take_edge(payload);
  return payload.empty() ? edge : std::nullopt;
}

std::string encode_put(const PutRecord& record) {
  return encode_delete(record.edge).append(encode_edge_value(record.value));
}

std::optional<PutRecord> decode_put(std::string_view payload) {
  const auto edge = take_edge(payload);
  const auto value = decode_edge_value(payload);
  if (!edge || !value) return std::nullopt;
  return PutRecord{*edge, *value};
}

std::string encode_number(Number number) { return std::string(raw(number)); }

std::optional<Number> decode_number(std::string_view value) {
  Number number = 0;
  if (value.size() != sizeof number) return std::nullopt;
  std::memcpy(&number, value.data(), sizeof number);
  return number;
}

std::string encode_edge_key(const Edge& edge) {
  const std::uint32_t key[3] = {big_endian(edge.from), big_endian(edge.label), big_endian(edge.to)};
  return std::string(raw(key));
}

std::optional<Edge> decode_edge_key(std::string_view key) {
  std::uint32_t numbers[3];
  if (key.size() != sizeof numbers) return std::nullopt;
  std::memcpy(numbers, key.data(), sizeof numbers);
  return Edge{big_endian(numbers[0]), big_endian(numbers[1]), big_endian(numbers[2])};
}

std::string encode_edge_value(const EdgeValue& value) {
  std::string out(raw(value.weight));
  return out.append(value.properties);
}

std::optional<EdgeValue> decode_edge_value(std::string_view value) {
  EdgeValue out;
  if (value.size() < sizeof out.weight) return std::nullopt;
  std::memcpy(&out.weight, value.data(), sizeof out.weight);
  out.properties = value.substr(sizeof out.weight);
  return out;
}

}  // namespace stator::graph
