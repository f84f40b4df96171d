// Bytes that outlive the process: records of the log and entries of the store (README.md draws
// them). Little-endian, except the numbers in keys, which sort.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adjacency/graph.h"

namespace stator::graph {

static_assert(std::endian::native == std::endian::little, "stored bytes are little-endian");

inline constexpr std::uint32_t kNodeIdBytesMax = 256;
inline constexpr std::uint32_t kLabelBytesMax = 64;
inline constexpr std::uint32_t kPropertiesBytesMax = 1024 * 1024;

inline constexpr std::uint32_t kRecordPut = 1;
inline constexpr std::uint32_t kRecordDelete = 2;

inline constexpr std::uint8_t kSpaceNodes = 0;   // node id -> number
inline constexpr std::uint8_t kSpaceLabels = 1;  // label -> number
inline constexpr std::uint8_t kSpaceEdges = 2;   // numbers of from, label, to -> EdgeValue

// What an edge carries. `properties` is the text of a JSON object, or empty.
struct EdgeValue {
  double weight = 1.0;
  std::string_view properties = {};
};

struct PutRecord {
  EdgeNames edge;
  EdgeValue value;
};

// Views of what is decoded point into the bytes.
std::string encode_put(const PutRecord& record);
std::optional<PutRecord> decode_put(std::string_view payload);
std::string encode_delete(const EdgeNames& edge);
std::optional<EdgeNames> decode_delete(std::string_view payload);

std::string encode_number(Number number);
std::optional<Number> decode_number(std::string_view value);
std::string encode_edge_key(const Edge& edge);
std::optional<Edge> decode_edge_key(std::string_view key);
std::string encode_edge_value(const EdgeValue& value);
std::optional<EdgeValue> decode_edge_value(std::string_view value);

}  // namespace stator::graph
