#include "doc/byte_arena.h"

#include <cstring>
#include <stdexcept>

namespace stator::crdt {

std::uint32_t ByteArena::reserve(std::size_t bytes) {
  // Far above the budget of a document; offsets of 32 bits must not wrap whatever happens.
  constexpr std::size_t kArenaBytesMax = 0xf000'0000;
  if (bytes > kArenaBytesMax || bytes_.size() > kArenaBytesMax - bytes) {
    throw std::length_error("a document exceeds 3.75 GiB");
  }
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  bytes_.resize(bytes_.size() + bytes);
  return offset;
}

Content ByteArena::store(std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const Content out{reserve(bytes.size()), size, size};
  if (size > 0) std::memcpy(bytes_.data() + out.offset, bytes.data(), size);
  return out;
}

void ByteArena::append(Content& left, const Content& right) {
  if (left.offset + left.bytes == right.offset) {
    left.room = right.offset + right.room - left.offset;
    left.bytes += right.bytes;
    return;
  }
  const std::size_t total = std::size_t{left.bytes} + right.bytes;
  if (total > left.room) {
    // Doubled, so that a run which grows by single characters is copied rarely.
    const std::uint32_t offset = reserve(total * 2);
    std::memcpy(bytes_.data() + offset, bytes_.data() + left.offset, left.bytes);
    garbage_ += left.room;
    left.offset = offset;
    left.room = static_cast<std::uint32_t>(total * 2);
  }
  std::memcpy(bytes_.data() + left.offset + left.bytes, bytes_.data() + right.offset, right.bytes);
  left.bytes += right.bytes;
  garbage_ += right.room;
}

void ByteArena::replace_tail(Content& content, std::uint32_t at, std::string_view tail) {
  std::memcpy(bytes_.data() + content.offset + at, tail.data(), tail.size());
  content.bytes = at + static_cast<std::uint32_t>(tail.size());
}

}  // namespace stator::crdt
