#include "storage.h"

#include <cstring>

namespace stator::document {

void begin_put_record(std::string_view document_id, std::string& payload) {
  const auto size = static_cast<std::uint16_t>(document_id.size());
  char raw[sizeof size];
  std::memcpy(raw, &size, sizeof size);
  payload.assign(raw, sizeof raw);
  payload.append(document_id);
}

PutRecord read_put_record(std::string_view payload) {
  std::uint16_t size = 0;
  std::memcpy(&size, payload.data(), sizeof size);
  payload.remove_prefix(sizeof size);
  return {payload.substr(0, size), payload.substr(size)};
}

bool load_document(const Kv& kv, std::string_view document_id, StoredDocument& out) {
  std::string_view stored;
  if (!kv.get(Space::kDocuments, document_id, stored)) return false;
  out = open_document(stored);
  return true;
}

}  // namespace stator::document
