#include "storage/document_head.h"

#include <stdexcept>

#include "codec/lib0.h"

namespace stator::crdt {
namespace {

constexpr std::uint8_t kHeadVersion = 1;

}  // namespace

bool DocumentHead::wants_fold() const {
  if (tail_count >= kTailUpdatesMax || tail_bytes >= kTailBytesMax) return true;
  return tail_count >= kTailUpdatesMin && tail_bytes >= image_bytes / 4;
}

std::string DocumentHead::encode() const {
  ByteWriter out;
  out.u8(kHeadVersion);
  out.var_uint(image_chunks);
  out.var_uint(image_bytes);
  out.var_uint(tail_first);
  out.var_uint(tail_count);
  out.var_uint(tail_bytes);
  return out.take();
}

DocumentHead decode_head(std::string_view bytes) {
  ByteReader reader(bytes);
  std::uint8_t version = 0;
  std::uint64_t chunks = 0;
  std::uint64_t count = 0;
  DocumentHead out;
  const bool ok = reader.u8(version) && version == kHeadVersion && reader.var_uint(chunks) &&
                  reader.var_uint(out.image_bytes) && reader.var_uint(out.tail_first) &&
                  reader.var_uint(count) && reader.var_uint(out.tail_bytes) && reader.left() == 0;
  if (!ok) throw std::runtime_error("a stored document head is damaged");
  out.image_chunks = static_cast<std::uint32_t>(chunks);
  out.tail_count = static_cast<std::uint32_t>(count);
  return out;
}

}  // namespace stator::crdt
