#include "records.h"

#include <stdexcept>

#include "codec/lib0.h"
#include "storage/keys.h"

namespace stator::crdt {
namespace {

// version u8, has_mutation u8, peer u64, mutation u64, varString document id, then the update.
constexpr std::uint8_t kRecordVersion = 1;

bool read_u64(ByteReader& reader, std::uint64_t& out) {
  std::string_view bytes;
  if (!reader.bytes(8, bytes)) return false;
  out = 0;
  for (const char c : bytes) out = out << 8 | static_cast<std::uint8_t>(c);
  return true;
}

}  // namespace

std::string encode(const UpdateRecord& record) {
  std::string head;
  head.push_back(static_cast<char>(kRecordVersion));
  head.push_back(record.mutation_id ? 1 : 0);
  append_big_endian(head, record.peer_id);
  append_big_endian(head, record.mutation_id.value_or(0));
  ByteWriter out;
  out.bytes(head);
  out.var_bytes(record.document_id);
  out.bytes(record.update);
  return out.take();
}

UpdateRecord decode_update_record(std::string_view bytes) {
  ByteReader reader(bytes);
  UpdateRecord out;
  std::uint8_t version = 0;
  std::uint8_t has_mutation = 0;
  std::uint64_t mutation = 0;
  const bool ok = reader.u8(version) && version == kRecordVersion && reader.u8(has_mutation) &&
                  read_u64(reader, out.peer_id) && read_u64(reader, mutation) &&
                  reader.var_bytes(out.document_id) && reader.bytes(reader.left(), out.update);
  if (!ok) throw std::runtime_error("a record of the crdt engine is damaged");
  if (has_mutation != 0) out.mutation_id = mutation;
  return out;
}

}  // namespace stator::crdt
