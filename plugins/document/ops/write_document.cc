#include "ops/write_document.h"

#include <algorithm>
#include <string>

#include "stator/services.h"

#include "index/unique_key.h"
#include "storage.h"

namespace stator::document {
namespace {

// Of a record in the log, besides its payload and collection; generous.
constexpr std::size_t kRecordFrameBytes = 96;

std::string sentence_of(const IndexDefinition& index, UniqueKeyFault fault) {
  const std::string name = "the unique index '" + index.name + "'";
  switch (fault) {
    case UniqueKeyFault::kTooLong:
      return "the value is too long for " + name;
    case UniqueKeyFault::kContainer:
      return "an array or object cannot be held by " + name;
    case UniqueKeyFault::kNone:
      break;
  }
  return "another document has this value in " + name;
}

}  // namespace

DocumentWriter::DocumentWriter(const DocumentEngine& engine, const Request& request,
                               Records& records, Reply& reply)
    : indexes_(engine.indexes().of(request.tenant(), request.collection())),
      request_(request),
      records_(records),
      reply_(reply) {
  for (const IndexDefinition& index : indexes_) {
    if (index.is_unique() && index.is_kept()) ++unique_count_;
  }
  if (unique_count_ > 0) records.together();
}

Status DocumentWriter::put(const DocumentWrite& write, std::string_view payload) {
  put_record(write.vshard, payload);
  return unique_count_ == 0 ? STATOR_OK : change_claims(write);
}

void DocumentWriter::put_record(std::uint32_t vshard, std::string_view payload) {
  records_.add(vshard, RecordType::kPut, payload);
}

void DocumentWriter::erase(const DocumentWrite& write) {
  records_.add(write.vshard, RecordType::kDelete, write.document_id);
  if (unique_count_ > 0) change_claims(write);
}

Status DocumentWriter::change_claims(const DocumentWrite& write) {
  std::string before;
  std::string after;
  for (const IndexDefinition& index : indexes_) {
    if (!index.is_unique() || !index.is_kept()) continue;
    before.clear();
    after.clear();
    const char* field = index.paths.front().c_str();
    if (write.old != nullptr) make_unique_key(index, *write.old, before);
    if (write.root != nullptr) {
      const UniqueKeyFault fault = make_unique_key(index, *write.root, after);
      if (fault != UniqueKeyFault::kNone) {
        return reply_.fail(STATOR_E_REJECTED_CONSTRAINT, field, sentence_of(index, fault));
      }
    }
    if (before == after) continue;
    const auto claim = [&](bool is_free, std::string_view key, std::string_view sentence) {
      records_.claim({.is_free = is_free,
                      .space = Space::kClaims,
                      .type = is_free ? RecordType::kFree : RecordType::kTake,
                      .key = key,
                      .owner = write.document_id,
                      .field = field,
                      .sentence = sentence});
    };
    if (!before.empty()) claim(true, before, {});
    if (!after.empty()) claim(false, after, sentence_of(index, UniqueKeyFault::kNone));
  }
  return STATOR_OK;
}

std::size_t DocumentWriter::claim_bytes_max(std::string_view document_id) const {
  return unique_count_ * 2 *
         (kRecordFrameBytes + request_.collection().size() + STATOR_KV_KEY_BYTES_MAX +
          document_id.size());
}

Status claim_existing(const IndexDefinition& index, std::string_view document_id, const Value& root,
                      Records& records, Reply& reply) {
  std::string key;
  const char* field = index.name.c_str();
  const UniqueKeyFault fault = make_unique_key(index, root, key);
  if (fault != UniqueKeyFault::kNone) {
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, field,
                      sentence_of(index, fault) + ": " + std::string(document_id));
  }
  if (key.empty()) return STATOR_OK;
  records.claim({.names_owners = true,
                 .space = Space::kClaims,
                 .type = RecordType::kTake,
                 .key = key,
                 .owner = document_id,
                 .field = field,
                 .sentence = "two documents have the same value"});
  return STATOR_OK;
}

}  // namespace stator::document
