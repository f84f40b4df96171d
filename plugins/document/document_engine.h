// The document engine: JSON documents by id, with typed indexes (README.md).
//
// One instance a lane, on that lane's thread. The store holds everything; the instance keeps only
// the lists of indexes and schemas, read again in open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "stator/engine.hpp"

#include "index/index_catalog.h"
#include "packed_json.h"
#include "schema/schema_catalog.h"

namespace stator::document {

struct StateChange;

class DocumentEngine {
 public:
  static EngineDescription<DocumentEngine> describe();
  static std::unique_ptr<DocumentEngine> open(const Open& open);
  // Document and index entries are written by one record; a repeat of a record changes nothing
  // more.
  void apply(const Record& record, KvWriter& kv);
  // Forgets indexes and schemas of a tenant that was dropped: all at once, they are few.
  bool forget(std::uint32_t tenant) {
    indexes_.forget(tenant);
    schemas_.forget(tenant);
    return false;
  }
  static Change describe_change(std::uint32_t type, std::string_view payload, ChangeValue& value);

  Status work(const Work& work, Records& records, Reply& reply) const;

  // For whoever asks such a document is not there, whether it has been removed already or not.
  bool is_over(const Request& request, const Value& root) const;
  const IndexCatalog& indexes() const { return indexes_; }
  const SchemaCatalog& schemas() const { return schemas_; }
  std::uint32_t lane() const { return lane_; }
  std::uint32_t lane_count() const { return lane_count_; }

  // Memory that one write after another uses: a write of usual size takes none from the heap.
  // Nothing in it outlives the call.
  struct Scratch {
    Encoder encoder;
    std::string record;
    std::string stored;
    // One large document must not pin memory.
    void rest();
  };
  Scratch& scratch() const { return scratch_; }

 private:
  void put(const Record& record, KvWriter& kv) const;
  void erase(const Record& record, KvWriter& kv) const;
  void create_index(const Record& record, IndexDefinition index, KvWriter& kv);
  void drop_index(const Record& record, KvWriter& kv);
  void set_index_state(const Record& record, const StateChange& change, KvWriter& kv);
  void build_index(const Record& record, KvWriter& kv);
  void erase_of_index(const Record& record, KvWriter& kv);
  static void change_claim(const Record& record, KvWriter& kv);
  void set_schema(const Record& record, KvWriter& kv);

  IndexCatalog indexes_;
  SchemaCatalog schemas_;
  std::uint32_t lane_ = 0;
  std::uint32_t lane_count_ = 1;
  mutable Scratch scratch_;
};

}  // namespace stator::document
