// The engine's descriptor, its start and its mutator. What is stored is drawn in README.md.
#include <cstring>

#include "stator/engine.hpp"
#include "stator/packed/write_json.hpp"

#include "ops/ops.h"
#include "stored_form.h"
#include "vector_engine.h"

namespace stator::vector {
namespace {

constexpr const Op<VectorEngine>* kOps[] = {
    &kVectorUpsert, &kVectorBatchUpsert, &kVectorDelete, &kVectorSearch, &kVectorGet, &kVectorStats,
};

// Some 100 microseconds.
constexpr std::uint32_t kForgottenAtOnce = 1000;

std::string place_of(const StoredEntry& entry) {
  return " of tenant " + std::to_string(entry.tenant) + ", collection '" +
         std::string(entry.collection) + "'";
}

}  // namespace

EngineDescription<VectorEngine> VectorEngine::describe() {
  return {.id = "vector",
          .version = "0.1.0",
          .vendor = "Stator",
          .doc = "Nearest neighbours among vectors, found exactly.",
          .ops = kOps};
}

std::unique_ptr<VectorEngine> VectorEngine::open(const Open& open) {
  auto engine = std::make_unique<VectorEngine>();
  open.visit_all(kSpaceRule, [&](const StoredEntry& entry) {
    const auto rule = decode_rule(entry.value);
    if (!rule || entry.key != kRuleKey) {
      throw OpenError("vector: the stored rule" + place_of(entry) + " is damaged");
    }
    engine->collections_.try_emplace(Key(entry.tenant, entry.collection), *rule);
  });
  open.visit_all(kSpaceVectors, [&](const StoredEntry& entry) {
    Collection* const collection = engine->find_mutable(entry.tenant, entry.collection);
    if (collection == nullptr || entry.value.size() != collection->rule().dim * sizeof(float)) {
      throw OpenError("vector: a stored vector" + place_of(entry) + " does not fit its rule");
    }
    collection->put(entry.key, entry.value, {});
  });
  open.visit_all(kSpacePayloads, [&](const StoredEntry& entry) {
    Collection* const collection = engine->find_mutable(entry.tenant, entry.collection);
    if (collection == nullptr || !collection->contains(entry.key) || !is_payload(entry.value)) {
      throw OpenError("vector: a stored payload" + place_of(entry) + " is damaged");
    }
    collection->put_payload(entry.key, entry.value);
  });
  return engine;
}

const Collection* VectorEngine::find(std::uint32_t tenant, std::string_view collection) const {
  const auto found = collections_.find(std::pair(tenant, collection));
  return found == collections_.end() ? nullptr : &found->second;
}

Collection* VectorEngine::find_mutable(std::uint32_t tenant, std::string_view collection) {
  const auto found = collections_.find(std::pair(tenant, collection));
  return found == collections_.end() ? nullptr : &found->second;
}

void VectorEngine::apply(const Record& record, KvWriter& kv) {
  switch (record.type()) {
    case kRecordPut:
      return put(record, kv);
    case kRecordDelete:
      return erase(record, kv);
    default:
      throw std::runtime_error("vector: record of unknown type");
  }
}

bool VectorEngine::forget(std::uint32_t tenant) {
  const auto found = collections_.lower_bound(std::pair(tenant, std::string_view()));
  if (found == collections_.end() || found->first.first != tenant) return false;
  if (!found->second.shrink(kForgottenAtOnce)) collections_.erase(found);
  return true;
}

Change VectorEngine::describe_change(std::uint32_t type, std::string_view payload,
                                     ChangeValue& value) {
  if (type == kRecordDelete) return {"delete", payload};
  const auto decoded = decode_put(payload);
  if (type != kRecordPut || !decoded) throw std::runtime_error("vector: damaged record");
  if (value.is_wanted()) {
    json::Writer writer = value.json();
    writer.begin_object().key("vector").begin_array();
    for (std::size_t at = 0; at < decoded->values.size(); at += sizeof(float)) {
      float number = 0;
      std::memcpy(&number, decoded->values.data() + at, sizeof number);
      writer.number(number);
    }
    writer.end_array();
    if (!decoded->payload.empty()) {
      writer.key("payload");
      packed::write_json(writer, packed::read_value(decoded->payload));
    }
    writer.end_object();
  }
  return {"put", decoded->document_id};
}

void VectorEngine::put(const Record& record, KvWriter& kv) {
  const auto decoded = decode_put(record.payload());
  if (!decoded) throw std::runtime_error("vector: damaged record");
  Collection* collection = find_mutable(record.tenant(), record.collection());
  if (collection == nullptr) {
    const Key key(record.tenant(), record.collection());
    collection = &collections_.try_emplace(key, decoded->rule).first->second;
    kv.put(kSpaceRule, record.vshard(), kRuleKey, encode(decoded->rule));
  }
  if (collection->rule().dim != decoded->rule.dim) {
    throw std::runtime_error("vector: record of another dimension than its collection");
  }
  const std::string_view document_id = decoded->document_id;
  const auto had = collection->payload_of(document_id);
  kv.put(kSpaceVectors, record.vshard(), document_id, decoded->values);
  if (!decoded->payload.empty()) {
    kv.put(kSpacePayloads, record.vshard(), document_id, decoded->payload);
  } else if (had && !had->empty()) {
    kv.erase(kSpacePayloads, document_id);
  }
  collection->put(document_id, decoded->values, decoded->payload);
}

void VectorEngine::erase(const Record& record, KvWriter& kv) {
  Collection* const collection = find_mutable(record.tenant(), record.collection());
  if (collection == nullptr) return;
  const auto had = collection->payload_of(record.payload());
  if (!had) return;
  if (!had->empty()) kv.erase(kSpacePayloads, record.payload());
  kv.erase(kSpaceVectors, record.payload());
  collection->erase(record.payload());
}

}  // namespace stator::vector

STATOR_ENGINE_NOTE("vector", "0.1.0")
STATOR_DEFINE_ENGINE(stator::vector::VectorEngine)
