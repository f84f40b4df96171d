#include "storage.h"

#include <cstring>
#include <stdexcept>

#include "document_engine.h"

namespace stator::document {
namespace {

constexpr char kFormatVersion = 1;
constexpr std::size_t kHeaderBytes = 1 + sizeof(std::uint64_t);

}  // namespace

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

void seal_document(std::uint64_t lsn, std::string_view value_bytes, std::string& stored) {
  stored.clear();
  stored.reserve(kHeaderBytes + value_bytes.size());
  stored.push_back(kFormatVersion);
  char raw[sizeof lsn];
  std::memcpy(raw, &lsn, sizeof lsn);
  stored.append(raw, sizeof raw);
  stored.append(value_bytes);
}

StoredDocument open_document(std::string_view stored) {
  if (stored.size() <= kHeaderBytes || stored.front() != kFormatVersion) {
    throw std::runtime_error("a stored document has an unknown format version");
  }
  StoredDocument document;
  std::memcpy(&document.lsn, stored.data() + 1, sizeof document.lsn);
  document.root = read_value(stored.substr(kHeaderBytes));
  return document;
}

bool load_document(const Kv& kv, std::string_view document_id, StoredDocument& out) {
  std::string_view stored;
  if (!kv.get(Space::kDocuments, document_id, stored)) return false;
  out = open_document(stored);
  return true;
}

bool load_visible(const DocumentEngine& engine, const Request& request,
                  std::string_view document_id, StoredDocument& out) {
  StoredDocument found;
  if (!load_document(request.kv(), document_id, found)) return false;
  if (engine.is_over(request, found.root)) return false;
  if (!request.rows().is_visible(found.root.bytes)) return false;
  out = found;
  return true;
}

Status check_replaced(const Request& request, const StoredDocument& document) {
  const Rows rows = request.rows();
  const std::string_view row = document.root.bytes;
  return rows.is_visible(row) && rows.may_write(row) ? STATOR_OK : rows.refuse();
}

}  // namespace stator::document
