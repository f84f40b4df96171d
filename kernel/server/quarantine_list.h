// What crash reports say must be kept away from its engine at this start.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "bridge/vshard_map.h"
#include "data/core/parked_records.h"
#include "data/host/quarantine.h"
#include "data/store/store.h"
#include "plugin/catalog.h"
#include "server/crash_reports.h"
#include "wal/batch.h"

namespace stator::server {

// The records of the log at the LSNs where something crashed: is what is there what crashed?
class CrashedRecords {
 public:
  // Forgets what was seen; from now on these.
  void look_for(const std::vector<CrashReport>& reports);
  void see(const wal::RecordView& record, Lsn lsn);
  struct Seen {
    host::PoisonRecord record;
    VShardId vshard;
  };
  // Null: the log has none there, or nobody asked.
  const Seen* at(Lsn lsn) const;

 private:
  std::map<Lsn, std::optional<Seen>> seen_;
};

struct QuarantineSources {
  const std::vector<CrashReport>* reports = nullptr;
  const CrashedRecords* records = nullptr;
  const bridge::VShardMap* vshards = nullptr;
  const std::vector<Lsn>* applied = nullptr;  // by lane: what its store holds
  std::vector<store::Store*> stores;          // by lane
};

// For the engines of the catalog, whose numbers are known; a report of another build of an engine
// says nothing of this one. Writes what it finds into the catalog (Engine::crashes and so on), and
// takes functions that engines can do without from those that crash in them. Null: nothing is kept
// away.
std::unique_ptr<host::Quarantine> make_quarantine(const QuarantineSources& sources,
                                                  plugin::Catalog& catalog);

// Says in the server's log how many records wait, and for what. After every lane has recovered.
void warn_of_parked(const core::ParkedCounts& parked, const plugin::Catalog& catalog);

}  // namespace stator::server
