// The record of one step of an index that is built: the documents of a lane from one id to another
// are indexed. What their entries are its `apply` finds out, so the record stays small; it belongs
// to a vShard of the lane whose documents it is about.
//
//   name (size u8, bytes), documents u32 little-endian, from (size u16 little-endian, bytes), to
//   (the rest; empty: all from there on)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stator::document {

struct BuildRange {
  std::string_view name;  // of the index
  std::uint32_t documents = 0;
  std::string_view from;
  std::string_view to;
};

std::string build_record(const BuildRange& range);
// Throws std::runtime_error for bytes that no such record has.
BuildRange read_build_record(std::string_view payload);

}  // namespace stator::document
