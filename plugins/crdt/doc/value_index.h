// Where the n-th value of a long run of `any` or JSON values stands: values have no fixed size, so
// a run that is cut again and again would be walked each time.
//
// A run is known by its bytes in the arena: their parts stay where they are when it is cut.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "codec/update.h"
#include "doc/byte_arena.h"

namespace stator::crdt {

class ValueIndex {
 public:
  // Bytes of the first `count` of the `length` values in `content`.
  std::uint32_t bytes(const ByteArena& arena, ContentKind kind, const Content& content,
                      std::uint32_t length, std::uint32_t count);
  // All bytes were moved.
  void clear() { runs_.clear(); }
  std::uint64_t steps() const { return steps_; }

 private:
  struct Run {
    std::uint32_t end = 0;
    std::vector<std::uint32_t> marks;  // offset of every kStride'th value
  };
  static constexpr std::uint32_t kStride = 64;

  const Run& run_of(const ByteArena& arena, ContentKind kind, const Content& content,
                    std::uint32_t length);
  std::uint32_t walk(const ByteArena& arena, ContentKind kind, std::uint32_t offset,
                     std::uint32_t end, std::uint32_t count);

  std::map<std::uint32_t, Run> runs_;  // by the offset of their first byte
  std::uint64_t steps_ = 0;            // values walked over
};

}  // namespace stator::crdt
