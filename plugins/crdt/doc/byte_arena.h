// The content bytes of one document, in one block: items hold offsets.
//
// Nothing is moved while a document grows by appending; what is released is garbage until the
// owner rewrites all live content into a fresh arena (see Store::compact).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stator::crdt {

struct Content {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t room = 0;  // bytes reserved from offset on
};

class ByteArena {
 public:
  // `bytes` must not point into the arena.
  Content store(std::string_view bytes);
  std::string_view view(const Content& content) const {
    return std::string_view(bytes_).substr(content.offset, content.bytes);
  }
  // left := left + right; right is released. Free of copying where right stands behind left.
  void append(Content& left, const Content& right);
  // Overwrites the tail of `content` from its byte `at` on by not more bytes than stand there.
  void replace_tail(Content& content, std::uint32_t at, std::string_view tail);
  void release(const Content& content) { garbage_ += content.room; }

  std::size_t size() const { return bytes_.size(); }
  std::size_t capacity() const { return bytes_.capacity(); }
  std::size_t garbage() const { return garbage_; }

 private:
  std::uint32_t reserve(std::size_t bytes);

  std::string bytes_;
  std::size_t garbage_ = 0;
};

}  // namespace stator::crdt
