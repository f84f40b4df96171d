// The document engine: JSON documents by id, with typed indexes (README.md).
//
// One instance a lane, on that lane's thread. The store holds everything; the instance keeps only
// the list of indexes, read again in open.
#pragma once

#include <memory>
#include <string>

#include "stator/engine.hpp"

#include "index/index_catalog.h"
#include "value/encode.h"

namespace stator::document {

class DocumentEngine {
 public:
  static EngineDescription<DocumentEngine> describe();
  static std::unique_ptr<DocumentEngine> open(const Open& open);
  // Document and index entries are written by one record; a repeat of a record changes nothing
  // more.
  void apply(const Record& record, KvWriter& kv);
  static Change describe_change(std::uint32_t type, std::string_view payload, ChangeValue& value);

  const IndexCatalog& indexes() const { return indexes_; }

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
  void create_index(const Record& record, KvWriter& kv);

  IndexCatalog indexes_;
  mutable Scratch scratch_;
};

}  // namespace stator::document
