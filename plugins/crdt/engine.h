// The crdt engine: Yjs documents, one per (tenant, collection, document_id). One instance per lane.
#pragma once

#include <memory>
#include <string_view>

#include "stator/engine.hpp"

#include "storage/document_cache.h"

namespace stator::crdt {

class CrdtEngine {
 public:
  static EngineDescription<CrdtEngine> describe();
  static std::unique_ptr<CrdtEngine> open(const Open& open);

  explicit CrdtEngine(const CacheLimits& limits) : cache_(limits) {}

  void apply(const Record& record, KvWriter& kv);
  // Drops what is cached of a tenant that was dropped.
  bool forget(std::uint32_t tenant) { return cache_.drop_of(tenant); }
  // An update's value is the update itself, as Yjs made it.
  static Change describe_change(std::uint32_t type, std::string_view payload, ChangeValue& value);

  // nullptr if there is no such document; lasts until the next call.
  const Document* find_document(const Request& request, std::string_view document_id) const;

 private:
  void apply_update(const Record& record, KvWriter& kv);

  // Mutable because a read may materialise a document. That changes no state: an entry is always
  // what load_document makes of the stored bytes, answers do not depend on what is cached, and
  // nothing that is stored is computed from it.
  mutable DocumentCache cache_;
};

}  // namespace stator::crdt
