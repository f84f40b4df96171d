#include "storage/document_files.h"

#include <stdexcept>

#include "storage/keys.h"

namespace stator::crdt {
namespace {

// An image: varUint roots; per root: varString name, byte of SeenContent; then the state.
std::string encode_image(const Document& document) {
  const Store& store = document.store();
  ByteWriter out;
  out.var_uint(store.roots().size());
  for (const Index root : store.roots()) {
    out.var_bytes(store.key(store.type(root).name));
    out.u8(store.type(root).seen);
  }
  out.bytes(document.encode_state());
  return out.take();
}

[[noreturn]] void damaged() { throw std::runtime_error("a stored document is damaged"); }

void apply_bytes(std::string_view update_bytes, Document& document) {
  Update update;
  if (decode_update(update_bytes, update, kNoBudget).fault != DecodeFault::kNone) damaged();
  document.apply(update);
}

void apply_image(std::string_view image, Document& document) {
  ByteReader reader(image);
  std::uint64_t roots = 0;
  if (!reader.var_uint(roots)) damaged();
  for (std::uint64_t i = 0; i < roots; ++i) {
    std::string_view name;
    std::uint8_t seen = 0;
    if (!reader.var_string(name) || !reader.u8(seen)) damaged();
    document.note_seen(name, seen);
  }
  apply_bytes(image.substr(reader.offset()), document);
}

std::string read_image(const Kv& kv, std::string_view document_id, const DocumentHead& head) {
  std::string image;
  for (std::uint32_t i = 0; i < head.image_chunks; ++i) {
    std::string_view chunk;
    if (!kv.get(kImages, image_key(document_id, i), chunk)) damaged();
    image.append(chunk);
  }
  if (image.size() != head.image_bytes) damaged();
  return image;
}

}  // namespace

bool read_head(const Kv& kv, std::string_view document_id, DocumentHead& head) {
  std::string_view bytes;
  if (!kv.get(kHeads, document_key(document_id), bytes)) return false;
  head = decode_head(bytes);
  return true;
}

Document load_document(const Kv& kv, std::string_view document_id, const DocumentHead& head) {
  Document document;
  if (head.image_chunks > 0) apply_image(read_image(kv, document_id, head), document);
  for (std::uint64_t i = 0; i < head.tail_count; ++i) {
    std::string_view update;
    if (!kv.get(kTails, tail_key(document_id, head.tail_first + i), update)) damaged();
    apply_bytes(update, document);
  }
  return document;
}

bool append_update(KvWriter& kv, std::uint32_t vshard, std::string_view document_id,
                   std::string_view update) {
  DocumentHead head;
  read_head(kv, document_id, head);
  kv.put(kTails, vshard, tail_key(document_id, head.tail_first + head.tail_count), update);
  ++head.tail_count;
  head.tail_bytes += update.size();
  kv.put(kHeads, vshard, document_key(document_id), head.encode());
  return head.wants_fold();
}

Document fold_tail(KvWriter& kv, std::uint32_t vshard, std::string_view document_id) {
  DocumentHead head;
  read_head(kv, document_id, head);
  const std::string image = encode_image(load_document(kv, document_id, head));

  DocumentHead folded;
  folded.image_bytes = image.size();
  folded.tail_first = head.tail_first + head.tail_count;
  const std::string_view whole = image;
  for (std::size_t at = 0; at < whole.size(); at += kImageChunkBytes) {
    const std::string key = image_key(document_id, folded.image_chunks++);
    kv.put(kImages, vshard, key, whole.substr(at, kImageChunkBytes));
  }
  for (std::uint32_t i = folded.image_chunks; i < head.image_chunks; ++i) {
    kv.erase(kImages, image_key(document_id, i));
  }
  for (std::uint64_t i = 0; i < head.tail_count; ++i) {
    kv.erase(kTails, tail_key(document_id, head.tail_first + i));
  }
  kv.put(kHeads, vshard, document_key(document_id), folded.encode());

  Document document;
  apply_image(image, document);
  return document;
}

}  // namespace stator::crdt
