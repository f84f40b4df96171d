// Documents on their way to the server together, and where in the file they stand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record_reader.h"

namespace stator::client {

class LoadBatch {
 public:
  struct Document {
    std::uint64_t line = 0;
    std::size_t id_hash = 0;
    std::size_t begin = 0;  // in the rows
    std::size_t end = 0;
  };

  void add(const Record& record);
  void reject(Reject reject) { rejects.push_back(std::move(reject)); }
  // It holds as much as one request should.
  bool is_full() const;
  bool is_empty() const { return documents.empty() && rejects.empty(); }
  // The rows from document `first` to `last` (behind it), as the elements of a JSON array.
  std::string_view rows_of(std::size_t first, std::size_t last) const;
  std::size_t bytes() const { return rows_.size(); }

  std::vector<Document> documents;
  std::vector<Reject> rejects;
  std::uint64_t loaded = 0;  // of the documents
  // Of the file: behind the last line of the batch.
  std::uint64_t end_offset = 0;
  std::uint64_t end_lines = 0;
  std::string end_sha256;  // where a state is kept

 private:
  std::string rows_;  // JSON objects with commas between them
};

}  // namespace stator::client
