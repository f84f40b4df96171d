#include "storage.h"

#include <cstring>
#include <stdexcept>

#include "document_engine.h"

namespace stator::document {
namespace {

constexpr char kFormatVersion = 2;
constexpr char kWideVersion = 1;  // the LSN in eight bytes
constexpr std::size_t kHeaderBytesMax = 1 + 10;

std::uint64_t take_lsn(char version, std::string_view& rest) {
  if (version == kFormatVersion) return packed::detail::take_varint(rest);
  return packed::detail::take_little<std::uint64_t>(rest);
}

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
  stored.reserve(kHeaderBytesMax + value_bytes.size());
  stored.push_back(kFormatVersion);
  packed::append_varint(stored, lsn);
  stored.append(value_bytes);
}

StoredDocument open_document(std::string_view stored) {
  const char version = stored.empty() ? '\0' : stored.front();
  StoredDocument document;
  if (version == kFormatVersion || version == kWideVersion) {
    stored.remove_prefix(1);
    document.lsn = take_lsn(version, stored);
    if (!stored.empty()) {
      document.root = read_value(stored);
      return document;
    }
  }
  throw std::runtime_error("a stored document has an unknown format version");
}

std::string naming(std::string_view document_id) {
  constexpr std::size_t kIdShown = 64;
  std::string text;
  if (document_id.empty()) return text;
  return text.append(" (document '").append(document_id.substr(0, kIdShown)).append("')");
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
