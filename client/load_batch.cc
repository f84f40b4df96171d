#include "load_batch.h"

#include <functional>

#include "stator/json_writer.hpp"

namespace stator::client {
namespace {

// Some milliseconds of the server's time, and one sync of its log for all of them.
constexpr std::size_t kDocumentsPerBatch = 1000;
constexpr std::size_t kBytesPerBatch = 1024u * 1024;

}  // namespace

void LoadBatch::add(const Record& record) {
  if (!rows_.empty()) rows_ += ',';
  Document document{record.line, std::hash<std::string_view>{}(record.id), rows_.size(), 0};
  json::StringOut id;
  json::write_string(id, record.id);
  rows_ += R"({"document_id":)";
  rows_ += id.view();
  rows_ += R"(,"data":)";
  rows_ += record.data;
  rows_ += '}';
  document.end = rows_.size();
  documents.push_back(document);
}

bool LoadBatch::is_full() const {
  return documents.size() + rejects.size() >= kDocumentsPerBatch || rows_.size() >= kBytesPerBatch;
}

std::string_view LoadBatch::rows_of(std::size_t first, std::size_t last) const {
  const std::size_t begin = documents[first].begin;
  return std::string_view(rows_).substr(begin, documents[last - 1].end - begin);
}

}  // namespace stator::client
