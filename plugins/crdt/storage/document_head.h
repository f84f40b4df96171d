// How much of a document is stored where: the one small value that each applied update rewrites.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stator::crdt {

struct DocumentHead {
  std::uint32_t image_chunks = 0;
  std::uint64_t image_bytes = 0;
  std::uint64_t tail_first = 0;  // sequence number of the first update behind the image
  std::uint32_t tail_count = 0;
  std::uint64_t tail_bytes = 0;

  // The tail is to be folded into the image (bounds.h says why these bounds).
  bool wants_fold() const;
  std::string encode() const;
};

// Throws std::runtime_error where stored bytes are not what encode() writes.
DocumentHead decode_head(std::string_view bytes);

}  // namespace stator::crdt
