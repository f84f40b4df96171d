#include "doc/value_index.h"

#include <algorithm>

namespace stator::crdt {

// The offset `count` values behind `offset`.
std::uint32_t ValueIndex::walk(const ByteArena& arena, ContentKind kind, std::uint32_t offset,
                               std::uint32_t end, std::uint32_t count) {
  steps_ += count;
  const std::string_view rest = arena.view({offset, end - offset, 0});
  return offset + static_cast<std::uint32_t>(value_bytes(kind, rest, count));
}

const ValueIndex::Run& ValueIndex::run_of(const ByteArena& arena, ContentKind kind,
                                          const Content& content, std::uint32_t length) {
  const auto above = runs_.upper_bound(content.offset);
  if (above != runs_.begin()) {
    const Run& known = std::prev(above)->second;
    if (content.offset + content.bytes <= known.end) return known;
  }
  Run& run = runs_[content.offset];
  run = {content.offset + content.bytes, {content.offset}};
  for (std::uint32_t at = kStride; at < length; at += kStride) {
    run.marks.push_back(walk(arena, kind, run.marks.back(), run.end, kStride));
  }
  return run;
}

std::uint32_t ValueIndex::bytes(const ByteArena& arena, ContentKind kind, const Content& content,
                                std::uint32_t length, std::uint32_t count) {
  if (count <= 4 * kStride) {
    return walk(arena, kind, content.offset, content.offset + content.bytes, count) -
           content.offset;
  }
  const Run& run = run_of(arena, kind, content, length);
  const auto mark = std::prev(std::upper_bound(run.marks.begin(), run.marks.end(), content.offset));
  auto ordinal = static_cast<std::uint32_t>(mark - run.marks.begin()) * kStride;
  for (std::uint32_t at = *mark; at < content.offset; ++ordinal) {
    at = walk(arena, kind, at, run.end, 1);
  }
  ordinal += count;
  // The end of the run may stand behind its last mark's stride.
  const std::size_t last = std::min<std::size_t>(ordinal / kStride, run.marks.size() - 1);
  const auto rest = ordinal - static_cast<std::uint32_t>(last) * kStride;
  return walk(arena, kind, run.marks[last], run.end, rest) - content.offset;
}

}  // namespace stator::crdt
