// The records of one document's write: the one way in which an op writes or removes a document, so
// that none forgets what the unique indexes hold.
#pragma once

#include <cstdint>
#include <string_view>

#include "stator/engine.hpp"

#include "document_engine.h"
#include "packed_json.h"

namespace stator::document {

// What a write is about; `old` is null where there is no document.
struct DocumentWrite {
  std::uint32_t vshard;
  std::string_view document_id;
  const Value* old;
  const Value* root;  // null: it is removed
};

class DocumentWriter {
 public:
  DocumentWriter(const DocumentEngine& engine, const Request& request, Records& records,
                 Reply& reply);

  // Adds the put record `payload` and what the document takes and frees. Refused: a value that a
  // unique index cannot hold. That another document has the value is found when all of the request
  // is known.
  Status put(const DocumentWrite& write, std::string_view payload);
  // Without taking or freeing: a later put of the same request does.
  void put_record(std::uint32_t vshard, std::string_view payload);
  void erase(const DocumentWrite& write);

  bool has_unique() const { return unique_count_ > 0; }
  // Most bytes that one document adds to its record.
  std::size_t claim_bytes_max(std::string_view document_id) const;

 private:
  Status change_claims(const DocumentWrite& write);

  const IndexDefinitions& indexes_;
  const Request& request_;
  Records& records_;
  Reply& reply_;
  std::size_t unique_count_ = 0;
};

// Adds the claim of an index that is built, for a document that is there already. The field of a
// refusal is the index's name.
Status claim_existing(const IndexDefinition& index, std::string_view document_id, const Value& root,
                      Records& records, Reply& reply);

}  // namespace stator::document
