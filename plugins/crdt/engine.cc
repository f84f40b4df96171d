#include "engine.h"

#include <stdexcept>
#include <string>

#include "stator/json_reader.hpp"

#include "records.h"
#include "storage/document_files.h"
#include "storage/keys.h"
#include "storage/mutation_log.h"

namespace stator::crdt {
namespace {

std::uint64_t positive(json::Reader& reader, const std::string& name) {
  std::string_view token;
  std::uint64_t value = 0;
  if (reader.peek() != json::Kind::kNumber || !reader.number(token) ||
      !json::to_integer(token, value) || value == 0) {
    throw OpenError("[engine.crdt] " + name + " must be an integer above 0");
  }
  return value;
}

CacheLimits read_config(std::string_view config_json) {
  CacheLimits limits;
  json::Reader reader(config_json);
  json::RawString raw;
  if (!reader.enter_object()) throw OpenError("[engine.crdt] must be a table");
  while (reader.next_key(raw)) {
    const std::string name = json::unescape(raw);
    if (name == "cache_documents_max") {
      limits.documents = positive(reader, name);
    } else if (name == "cache_bytes_max") {
      limits.bytes = positive(reader, name);
    } else {
      throw OpenError("[engine.crdt] has no key " + name);
    }
  }
  if (reader.failed()) throw OpenError("[engine.crdt] is not valid");
  return limits;
}

}  // namespace

std::unique_ptr<CrdtEngine> CrdtEngine::open(const Open& open) {
  return std::make_unique<CrdtEngine>(read_config(open.config_json()));
}

const Document* CrdtEngine::find_document(const Request& request,
                                          std::string_view document_id) const {
  const DocumentName name{request.tenant(), request.collection(), document_id};
  if (const Document* cached = cache_.find(name)) return cached;
  DocumentHead head;
  if (!read_head(request.kv(), document_id, head)) return nullptr;
  return &cache_.put(name, load_document(request.kv(), document_id, head));
}

void CrdtEngine::apply(const Record& record, KvWriter& kv) {
  if (record.type() == kUpdateRecord) return apply_update(record, kv);
  // Every lane applies it, at recovery more than once: the last one stays.
  kv.put(kPolicies, STATOR_VSHARD_EVERY, kPolicyKey, record.payload());
}

Change CrdtEngine::describe_change(std::uint32_t type, std::string_view payload,
                                   ChangeValue& value) {
  if (type != kUpdateRecord) throw std::runtime_error("crdt: not a change of a document");
  const UpdateRecord update = decode_update_record(payload);
  if (value.is_wanted()) value.write_binary(update.update);
  return {"update", update.document_id};
}

void CrdtEngine::apply_update(const Record& record, KvWriter& kv) {
  const UpdateRecord update = decode_update_record(record.payload());
  const std::string_view id = update.document_id;
  if (update.mutation_id) {
    const std::string key = mutation_key(id, update.peer_id);
    std::string_view stored;
    MutationLog log;
    if (kv.get(kMutations, key, stored)) log = MutationLog(stored);
    log.add(*update.mutation_id);
    kv.put(kMutations, record.vshard(), key, log.encode());
  }
  const DocumentName name{record.tenant(), record.collection(), id};
  if (append_update(kv, record.vshard(), id, update.update)) {
    cache_.put(name, fold_tail(kv, record.vshard(), id));
    return;
  }
  if (Document* cached = cache_.find(name)) {
    Update decoded;
    decode_update(update.update, decoded, kNoBudget);
    cached->apply(decoded);
    cache_.resized(name);
  }
}

}  // namespace stator::crdt
