#include "server/quarantine_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <string>
#include <tuple>

#include "base/crc32c.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/thread_role.h"

namespace stator::server {
namespace {

constexpr std::string_view kRemedy =
    "; install a fixed version of the engine and restart, or have this one tried again by "
    "`statord plugin retry` and a restart";

std::uint64_t from_hex(const std::string& digits) {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

// Reports that are alike.
using Group = std::vector<const CrashReport*>;

template <class KeyOf>
auto grouped(const Group& reports, const KeyOf& key_of) {
  std::map<decltype(key_of(*reports.front())), Group> groups;
  for (const CrashReport* report : reports) groups[key_of(*report)].push_back(report);
  return groups;
}

Group only(const Group& reports, const std::function<bool(const CrashReport&)>& is_wanted) {
  Group found;
  std::copy_if(reports.begin(), reports.end(), std::back_inserter(found),
               [&](const CrashReport* report) { return is_wanted(*report); });
  return found;
}

bool is_many(const Group& reports) { return reports.size() >= kCrashesToQuarantine; }

std::string crashed(const Group& reports) {
  const CrashReport& last = *reports.back();
  return "engine '" + last.engine + "' " + last.version + " crashed " +
         std::to_string(reports.size()) + " times (" + last.signal + ") ";
}

// So many within so long, the newest of them.
bool is_often(const Group& reports) {
  for (std::size_t i = 0; i + kOpCrashesMax <= reports.size(); ++i) {
    if (reports[i + kOpCrashesMax - 1]->time_ms - reports[i]->time_ms <= kOpCrashesWindowMs)
      return true;
  }
  return false;
}

class Maker {
 public:
  Maker(const QuarantineSources& sources, plugin::Catalog& catalog, host::Quarantine& made)
      : sources_(sources), catalog_(catalog), made_(made) {}

  void take(plugin::Engine& engine) {
    Group reports;
    for (const CrashReport& report : *sources_.reports) {
      if (report.engine != engine.id) continue;
      ++engine.crashes;
      engine.last_crash_json = report.json;
      if (report.sha256 == engine.sha256) reports.push_back(&report);
    }
    if (reports.empty()) return;
    take_records(engine,
                 only(reports, [](const auto& r) { return r.is_of_apply() && r.lsn != 0; }));
    take_requests(engine, only(reports, [](const auto& r) { return !r.request.empty(); }));
    take_work(engine, only(reports, [](const auto& r) { return r.phase == "work"; }));
    take_function(engine, reports, "change", engine.descriptor.describe_change);
    take_function(engine, reports, "forget", engine.descriptor.forget);
  }

 private:
  // For clients, plugin_list and the server's log.
  static std::string keep(plugin::Engine& engine, std::string why) {
    why += kRemedy;
    engine.kept_away.push_back(why);
    log::error(why);
    return why;
  }

  void take_records(plugin::Engine& engine, const Group& reports) {
    const auto groups = grouped(reports, [](const CrashReport& r) {
      return std::tuple(r.tenant, r.collection, r.record_type, r.record_crc);
    });
    for (const auto& [key, group] : groups) {
      if (!is_many(group)) continue;
      const CrashReport& last = *group.back();
      const TenantId tenant{static_cast<std::uint32_t>(last.tenant)};
      const host::PoisonRecord record{engine.number, tenant, last.collection,
                                      static_cast<std::uint32_t>(last.record_type),
                                      static_cast<std::uint32_t>(from_hex(last.record_crc))};
      const Lsn from = waiting_at(record, group);
      if (from == Lsn{}) {
        made_.keep_record(
            record, keep(engine, crashed(group) + "applying a record of collection '" +
                                     last.collection + "', and is not given the same one again"));
        continue;
      }
      made_.keep_collection(
          engine.number, tenant, last.collection, from,
          keep(engine, crashed(group) + "applying the record at LSN " +
                           std::to_string(from.value()) + " of collection '" + last.collection +
                           "': the collection's records from there on are kept and "
                           "nothing is lost, but it cannot be used"));
    }
  }

  // The LSN at which the record is still to be applied; 0: nowhere.
  Lsn waiting_at(const host::PoisonRecord& record, const Group& reports) const {
    Lsn found;
    for (const CrashReport* report : reports) {
      const Lsn lsn{report->lsn};
      if (!is_in_tail(record, lsn) && !is_parked(record, lsn)) continue;
      if (found == Lsn{} || lsn < found) found = lsn;
    }
    return found;
  }

  bool is_in_tail(const host::PoisonRecord& record, Lsn lsn) const {
    const CrashedRecords::Seen* seen = sources_.records->at(lsn);
    if (seen == nullptr || seen->record != record) return false;
    const std::vector<Lsn>& applied = *sources_.applied;
    if (seen->vshard == kEveryVShard)
      return *std::min_element(applied.begin(), applied.end()) < lsn;
    return applied[sources_.vshards->lane_of(seen->vshard).value()] < lsn;
  }

  bool is_parked(const host::PoisonRecord& record, Lsn lsn) const {
    const ActsAs role(threads::lane);  // none runs yet
    bool is_there = false;
    for (store::Store* store : sources_.stores) {
      store->begin_turn();
      core::ParkedRecords::look_at(*store, record.engine, lsn, [&](const wal::RecordView& parked) {
        is_there |= record.is(parked);
      });
      store->end_turn();
    }
    return is_there;
  }

  void take_requests(plugin::Engine& engine, const Group& reports) {
    for (const auto& [op, of_op] : grouped(reports, [](const auto& r) { return r.request_op; })) {
      const plugin::Op* known = catalog_.find(op);
      if (known == nullptr) continue;
      if (is_often(of_op)) {
        made_.keep_op(known->index, keep(engine, crashed(of_op) + "in requests of " + op +
                                                     ": the op is refused"));
        continue;
      }
      for (const auto& [hash, alike] : grouped(of_op, [](const auto& r) { return r.request; })) {
        if (!is_many(alike)) continue;
        made_.keep_request(
            from_hex(hash),
            keep(engine, crashed(alike) + "in this same request of " + op + ": it is refused"));
      }
    }
  }

  void take_work(plugin::Engine& engine, const Group& reports) {
    const auto groups =
        grouped(reports, [](const CrashReport& r) { return std::tuple(r.tenant, r.collection); });
    for (const auto& [key, group] : groups) {
      if (!is_many(group)) continue;
      const auto& [tenant, collection] = key;
      made_.keep_work(engine.number, TenantId{static_cast<std::uint32_t>(tenant)}, collection);
      keep(engine, crashed(group) + "in background work of collection '" + collection +
                       "', which rests now");
    }
  }

  template <class Function>
  void take_function(plugin::Engine& engine, const Group& reports, std::string_view phase,
                     Function& function) {
    const Group group = only(reports, [&](const CrashReport& r) { return r.phase == phase; });
    if (!is_many(group)) return;
    function = nullptr;
    keep(engine, crashed(group) + "in " + std::string(phase) + ", which it is not asked any more");
  }

  const QuarantineSources& sources_;
  plugin::Catalog& catalog_;
  host::Quarantine& made_;
};

}  // namespace

void CrashedRecords::look_for(const std::vector<CrashReport>& reports) {
  seen_.clear();
  for (const CrashReport& report : reports) {
    if (report.is_of_apply() && report.lsn != 0) seen_[Lsn{report.lsn}];
  }
}

void CrashedRecords::see(const wal::RecordView& record, Lsn lsn) {
  const auto wanted = seen_.find(lsn);
  if (wanted == seen_.end()) return;
  wanted->second = {{record.engine, record.tenant, std::string(record.collection), record.type,
                     crc32c(record.payload)},
                    record.vshard};
}

const CrashedRecords::Seen* CrashedRecords::at(Lsn lsn) const {
  const auto found = seen_.find(lsn);
  return found == seen_.end() || !found->second ? nullptr : &*found->second;
}

std::unique_ptr<host::Quarantine> make_quarantine(const QuarantineSources& sources,
                                                  plugin::Catalog& catalog) {
  auto made = std::make_unique<host::Quarantine>();
  Maker maker(sources, catalog, *made);
  for (const auto& engine : catalog.engines()) {
    if (!engine->is_builtin) maker.take(*engine);
  }
  if (made->empty()) return nullptr;
  return made;
}

void warn_of_parked(const core::ParkedCounts& parked, const plugin::Catalog& catalog) {
  std::string absent;
  std::string crashed;
  for (const auto& [engine, count] : parked) {
    std::string& list = catalog.find_engine(engine) == nullptr ? absent : crashed;
    list += (list.empty() ? "" : ", ") + std::to_string(count) + " of '" + engine + "'";
  }
  if (!absent.empty()) {
    log::warn("records of engines that are not enabled are kept until they are: " + absent);
  }
  if (!crashed.empty()) {
    log::warn("records of collections in quarantine are kept until their engines can have them: " +
              crashed);
  }
}

}  // namespace stator::server
