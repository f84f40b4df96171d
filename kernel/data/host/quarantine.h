// What crashed its engine before and is kept away from it (docs/adr/0046). Made at the start out of
// the crash reports; does not change while the server runs, so every lane reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bridge/task.h"
#include "plugin/catalog.h"
#include "wal/batch.h"

namespace stator::host {

// A record by its content: what is asked for again gets another LSN, and is the same.
struct PoisonRecord {
  EngineNumber engine;
  TenantId tenant;
  std::string collection;
  std::uint32_t type = 0;
  std::uint32_t crc = 0;  // CRC32C of the payload

  bool is(const wal::RecordView& record) const;
  bool operator==(const PoisonRecord&) const = default;
};

class Quarantine {
 public:
  // `why` of each: a sentence with the remedy, what the client is told.
  // Records of the collection from this LSN on are not applied, and nobody sees it.
  void keep_collection(EngineNumber engine, TenantId tenant, std::string collection, Lsn from,
                       std::string why);
  // A record that is not in the log yet is not written.
  void keep_record(PoisonRecord record, std::string why);
  // `hash`: of request_hash(); `op`: index into the catalog's ops.
  void keep_request(std::uint64_t hash, std::string why);
  void keep_op(std::uint32_t op, std::string why);
  // Its background work rests.
  void keep_work(EngineNumber engine, TenantId tenant, std::string collection);

  bool empty() const {
    return collections_.empty() && records_.empty() && requests_.empty() && ops_.empty() &&
           work_.empty();
  }

  // Errors are kEngineQuarantined.
  // Whether an op of `engine` may look at the collection.
  Status check_collection(EngineNumber engine, TenantId tenant, ByteView collection) const;
  // That, and whether this request, and its op, may run. It is one for one op.
  Status check_request(const bridge::Task& task, const plugin::Catalog& catalog) const;
  Status check_records(ByteView records) const;
  // Whether the record is to be parked instead of applied.
  bool holds(const wal::RecordView& record, Lsn lsn) const;
  bool rests(EngineNumber engine, TenantId tenant, ByteView collection) const;

 private:
  struct Place {
    EngineNumber engine;
    TenantId tenant;
    std::string collection;
    bool is(EngineNumber of_engine, TenantId of_tenant, ByteView in_collection) const {
      return engine == of_engine && tenant == of_tenant && collection == in_collection;
    }
  };
  // Lists: what crashes engines is rare, and each entry has cost the server two deaths.
  struct Collection {
    Place place;
    Lsn from;
    std::string why;
  };
  struct Record {
    PoisonRecord record;
    std::string why;
  };
  struct Request {
    std::uint64_t hash;
    std::string why;
  };
  struct Op {
    std::uint32_t op;
    std::string why;
  };
  std::vector<Collection> collections_;
  std::vector<Record> records_;
  std::vector<Request> requests_;
  std::vector<Op> ops_;
  std::vector<Place> work_;
};

}  // namespace stator::host
