// The engine's edge to the kernel: what it is, how it opens, how it applies records.
#include <array>
#include <limits>
#include <stdexcept>
#include <string>

#include "stator/engine.hpp"

#include "document_engine.h"
#include "index/expiry.h"
#include "index/index_entries.h"
#include "ops/ops.h"
#include "packed_json.h"
#include "storage.h"
#include "work/build_range.h"
#include "work/index_work.h"
#include "work/sweep.h"

namespace stator::document {
namespace {

constexpr std::array<const Op<DocumentEngine>*, 19> kOps = {
    &kPointGet,           &kPointPut,          &kPointDelete,      &kDocumentBatchInsert,
    &kDocumentScan,       &kRangeScan,         &kIndexCreate,      &kIndexList,
    &kPointMultiGet,      &kPointUpdate,       &kDocumentUpsert,   &kDocumentUpdateMany,
    &kDocumentDeleteMany, &kDocumentTruncate,  &kIndexDrop,        &kIndexLookup,
    &kDocumentCount,      &kDocumentAggregate, &kDocumentValidate,
};

constexpr std::size_t kScratchBytesMax = 64 * 1024;
// Made of the documents and the index definitions.
constexpr std::array<std::uint8_t, 1> kDerivedSpaces = {Space::kEntries};

}  // namespace

EngineDescription<DocumentEngine> DocumentEngine::describe() {
  return {
      .id = "document",
      .version = "0.1.0",
      .vendor = "Stator",
      .doc = "JSON documents by id, with typed secondary indexes and range scans.",
      .ops = kOps,
      .derived_spaces = kDerivedSpaces,
  };
}

std::unique_ptr<DocumentEngine> DocumentEngine::open(const Open& open) {
  auto engine = std::make_unique<DocumentEngine>();
  engine->lane_ = open.lane();
  engine->lane_count_ = open.lane_count();
  open.visit_all(Space::kIndexes, [&](const StoredEntry& entry) {
    IndexDefinition index;
    if (!read_stored_definition(entry.key, entry.value, index)) {
      throw OpenError("an index definition has an unknown format");
    }
    if (index.is_ttl() || !index.is_ready()) open.wake(entry.tenant, entry.collection);
    engine->indexes_.add(entry.tenant, entry.collection, std::move(index));
  });
  open.visit_all(Space::kSchemas, [&](const StoredEntry& entry) {
    std::string error;
    auto schema = Schema::compile(entry.value, error);
    if (schema == nullptr) throw OpenError("a stored schema: " + error);
    engine->schemas_.set(entry.tenant, entry.collection, std::move(schema));
  });
  return engine;
}

void DocumentEngine::apply(const Record& record, KvWriter& kv) {
  switch (record.type()) {
    case RecordType::kPut:
      return put(record, kv);
    case RecordType::kDelete:
      return erase(record, kv);
    case RecordType::kIndexCreate:
      return create_index(record, plain_index(record.payload()), kv);
    case RecordType::kIndexDefine: {
      IndexDefinition index;
      if (!read_definition_record(record.payload(), index)) {
        throw std::runtime_error("a record defines an index in an unknown form");
      }
      return create_index(record, std::move(index), kv);
    }
    case RecordType::kIndexDrop:
      return drop_index(record, kv);
    case RecordType::kIndexState:
      return set_index_state(record, read_state_record(record.payload()), kv);
    case RecordType::kIndexBuild:
      return build_index(record, kv);
    case RecordType::kIndexErase:
      return erase_of_index(record, kv);
    case RecordType::kSchemaSet:
      return set_schema(record, kv);
    case RecordType::kTake:
    case RecordType::kFree:
      return change_claim(record, kv);
    default:
      throw std::runtime_error("unknown type of record");
  }
}

Status DocumentEngine::work(const Work& work, Records& records, Reply& reply) const {
  if (!work.note().empty()) return change_state(*this, work, records, reply);
  bool has_removed = false;
  const Status status = sweep(*this, work, records, reply, has_removed);
  if (status != STATOR_OK) return status;
  if (!has_removed) return work_on_indexes(*this, work, records, reply);
  work.wake();
  return STATOR_OK;
}

bool DocumentEngine::is_over(const Request& request, const Value& root) const {
  return indexes_.has_ttl() &&
         document::is_over(indexes_.of(request.tenant(), request.collection()), root,
                           request.time_ms());
}

// A key that changes hands within one request may be taken before it is freed.
void DocumentEngine::change_claim(const Record& record, KvWriter& kv) {
  const PutRecord claim = read_put_record(record.payload());
  const std::string_view key = claim.document_id;
  const std::string_view owner = claim.value_bytes;
  if (record.type() == RecordType::kTake) {
    return kv.put(Space::kClaims, record.vshard(), key, owner);
  }
  std::string_view held;
  if (kv.get(Space::kClaims, key, held) && held == owner) kv.erase(Space::kClaims, key);
}

Change DocumentEngine::describe_change(std::uint32_t type, std::string_view payload,
                                       ChangeValue& value) {
  if (type == RecordType::kDelete) return {"delete", payload};
  if (type != RecordType::kPut) throw std::runtime_error("unknown type of record");
  const PutRecord written = read_put_record(payload);
  if (value.is_wanted()) {
    json::Writer writer = value.json();
    write_json(writer, read_value(written.value_bytes));
  }
  return {"put", written.document_id};
}

void DocumentEngine::put(const Record& record, KvWriter& kv) const {
  const auto& indexes = indexes_.of(record.tenant(), record.collection());
  const PutRecord written = read_put_record(record.payload());
  // All that is read of the old document is copied before the first write.
  std::vector<IndexEntry> before;
  StoredDocument old;
  if (!indexes.empty() && load_document(kv, written.document_id, old)) {
    before = entries_of(indexes, written.document_id, old.root);
  }
  const Value root = read_value(written.value_bytes);
  for (const IndexDefinition& index : indexes) {
    if (!index.is_ttl()) continue;
    if (const auto at = over_at(index, root)) record.wake(*at);
  }
  const auto after = entries_of(indexes, written.document_id, root);
  change_entries(kv, {written.document_id, record.vshard(), before, after});
  std::string& stored = scratch_.stored;
  seal_document(record.lsn(), written.value_bytes, stored);
  kv.put(Space::kDocuments, record.vshard(), written.document_id, stored);
  scratch_.rest();
}

void DocumentEngine::Scratch::rest() {
  for (std::string* bytes : {&record, &stored}) {
    if (bytes->capacity() > kScratchBytesMax) std::string().swap(*bytes);
  }
}

void DocumentEngine::erase(const Record& record, KvWriter& kv) const {
  const auto& indexes = indexes_.of(record.tenant(), record.collection());
  StoredDocument old;
  if (!load_document(kv, record.payload(), old)) return;
  const auto before = entries_of(indexes, record.payload(), old.root);
  change_entries(kv, {record.payload(), record.vshard(), before, {}});
  kv.erase(Space::kDocuments, record.payload());
}

// Comes once from each lane, and all of them again at recovery.
void DocumentEngine::create_index(const Record& record, IndexDefinition index, KvWriter& kv) {
  IndexDefinition* known = indexes_.find_mutable(record.tenant(), record.collection(), index.name);
  if (known != nullptr && known->state != IndexState::kDropping) return;
  // Only logs of builds that erased at once have one that follows on a drop.
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  while (known != nullptr && erase_entries(kv, *known, kAll)) continue;
  index.state = IndexState::kBuilding;
  kv.put(Space::kIndexes, STATOR_VSHARD_EVERY, index.name, stored_definition(index));
  indexes_.add(record.tenant(), record.collection(), std::move(index));
  record.wake();
}

void DocumentEngine::drop_index(const Record& record, KvWriter& kv) {
  set_index_state(record, {static_cast<std::uint8_t>(IndexState::kDropping), record.payload(), {}},
                  kv);
}

void DocumentEngine::set_index_state(const Record& record, const StateChange& change,
                                     KvWriter& kv) {
  IndexDefinition* index = indexes_.find_mutable(record.tenant(), record.collection(), change.name);
  if (index == nullptr) return;
  if (change.state == kGoneState) {
    const std::string name(change.name);
    kv.erase(Space::kIndexes, name);
    record.wake();  // for the next one: a turn tells of one
    return indexes_.remove(record.tenant(), record.collection(), name);
  }
  index->state = static_cast<IndexState>(change.state);
  index->reason = change.reason;
  kv.put(Space::kIndexes, STATOR_VSHARD_EVERY, index->name, stored_definition(*index));
  record.wake();
}

// A range that does not begin where the lane is was recorded before the engine was opened: the work
// that begins anew comes to it.
void DocumentEngine::build_index(const Record& record, KvWriter& kv) {
  const BuildRange range = read_build_record(record.payload());
  IndexDefinition* index = indexes_.find_mutable(record.tenant(), record.collection(), range.name);
  if (index == nullptr || index->state != IndexState::kBuilding) return;
  index_documents(kv, *index, {range.from, range.to});
  if (range.from != index->built_up_to || index->is_built) return;
  index->built_up_to = range.to;
  index->is_built = range.to.empty();
  index->built_documents += range.documents;
}

void DocumentEngine::erase_of_index(const Record& record, KvWriter& kv) {
  IndexDefinition* index =
      indexes_.find_mutable(record.tenant(), record.collection(), record.payload());
  if (index == nullptr || index->state != IndexState::kDropping) return;
  erase_entries(kv, *index, kErasedMax);
}

void DocumentEngine::set_schema(const Record& record, KvWriter& kv) {
  constexpr std::string_view kKey("\x01", 1);
  std::unique_ptr<Schema> schema;
  if (record.payload().empty()) {
    kv.erase(Space::kSchemas, kKey);
  } else {
    std::string error;
    schema = Schema::compile(record.payload(), error);
    if (schema == nullptr) throw std::runtime_error("a record sets a schema: " + error);
    kv.put(Space::kSchemas, STATOR_VSHARD_EVERY, kKey, record.payload());
  }
  schemas_.set(record.tenant(), record.collection(), std::move(schema));
}

}  // namespace stator::document

STATOR_ENGINE_NOTE("document", "0.1.0")
STATOR_DEFINE_ENGINE(stator::document::DocumentEngine)
