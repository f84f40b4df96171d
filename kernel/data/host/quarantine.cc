#include "data/host/quarantine.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "data/host/crash_facts.h"

namespace stator::host {
namespace {

Error kept_away(const std::string& why) { return Error(ErrorCode::kEngineQuarantined, why); }

}  // namespace

bool PoisonRecord::is(const wal::RecordView& record) const {
  return engine == record.engine && type == record.type && tenant == record.tenant &&
         collection == record.collection && crc == crc32c(record.payload);
}

void Quarantine::keep_collection(EngineNumber engine, TenantId tenant, std::string collection,
                                 Lsn from, std::string why) {
  for (Collection& known : collections_) {
    if (!known.place.is(engine, tenant, collection)) continue;
    if (from < known.from) known = {known.place, from, std::move(why)};
    return;
  }
  collections_.push_back({{engine, tenant, std::move(collection)}, from, std::move(why)});
}

void Quarantine::keep_record(PoisonRecord record, std::string why) {
  records_.push_back({std::move(record), std::move(why)});
}

void Quarantine::keep_request(std::uint64_t hash, std::string why) {
  requests_.push_back({hash, std::move(why)});
}

void Quarantine::keep_op(std::uint32_t op, std::string why) {
  ops_.push_back({op, std::move(why)});
}

void Quarantine::keep_work(EngineNumber engine, TenantId tenant, std::string collection) {
  work_.push_back({engine, tenant, std::move(collection)});
}

Status Quarantine::check_collection(EngineNumber engine, TenantId tenant,
                                    ByteView collection) const {
  for (const Collection& kept : collections_) {
    if (kept.place.is(engine, tenant, collection)) return kept_away(kept.why);
  }
  return ok_status();
}

Status Quarantine::check_request(const bridge::Task& task, const plugin::Catalog& catalog) const {
  for (const Op& kept : ops_) {
    if (kept.op == task.op) return kept_away(kept.why);
  }
  if (!requests_.empty()) {
    const std::uint64_t hash = request_hash(task, catalog);
    for (const Request& kept : requests_) {
      if (kept.hash == hash) return kept_away(kept.why);
    }
  }
  const plugin::Engine& engine = catalog.engine_of(catalog.ops()[task.op]);
  return check_collection(engine.number, task.tenant, task.collection);
}

Status Quarantine::check_records(ByteView records) const {
  if (records_.empty()) return ok_status();
  wal::RecordCursor cursor(records);
  for (wal::RecordView record; cursor.next(record);) {
    for (const Record& kept : records_) {
      if (kept.record.is(record)) return kept_away(kept.why);
    }
  }
  return ok_status();
}

bool Quarantine::holds(const wal::RecordView& record, Lsn lsn) const {
  return std::any_of(collections_.begin(), collections_.end(), [&](const Collection& kept) {
    return kept.from <= lsn && kept.place.is(record.engine, record.tenant, record.collection);
  });
}

bool Quarantine::rests(EngineNumber engine, TenantId tenant, ByteView collection) const {
  return std::any_of(work_.begin(), work_.end(),
                     [&](const Place& place) { return place.is(engine, tenant, collection); }) ||
         !check_collection(engine, tenant, collection).ok();
}

}  // namespace stator::host
