#include "data/core/tenant_eraser.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "data/core/kernel_record.h"
#include "data/core/parked_records.h"
#include "plugin/engine_scope.h"

namespace stator::core {
namespace {

using Stage = bridge::TenantDrops::Stage;

std::string prefix_of(EngineNumber engine, TenantId tenant) {
  char prefix[store::kPrefixBytesMax];
  return {prefix, store::write_owner(prefix, engine, tenant)};
}

// The first key behind all of the tenant's in that engine.
std::string end_of(EngineNumber engine, TenantId tenant) {
  if (tenant.value() < std::numeric_limits<std::uint32_t>::max()) {
    return prefix_of(engine, TenantId{tenant.value() + 1});
  }
  return prefix_of(EngineNumber{static_cast<std::uint16_t>(engine.value() + 1)}, TenantId{0});
}

// Of the kernel's own keys below tenant 0.
std::string space_prefix(std::uint8_t space) {
  char prefix[store::kPrefixBytesMax];
  std::string out(prefix, store::write_prefix(prefix, kKernelEngine, TenantId{0}, {}));
  out.push_back(static_cast<char>(space));
  return out;
}

std::string mark_prefix() { return space_prefix(kSpaceDropped); }

// Answers of the kernel's own ops lie below tenant 0. The gate makes their keys: eight bytes, the
// user ("@SIZE:NAME") where row policies bind, the tenant ("2:"), and what the client gave.
bool is_key_of(ByteView key, TenantId tenant) {
  key.remove_prefix(std::min<std::size_t>(key.size(), 8));
  if (key.starts_with('@')) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(key.data() + 1, key.data() + key.size(), size);
    const auto name = static_cast<std::size_t>(end - key.data()) + 1;
    if (error != std::errc() || name > key.size() || size > key.size() - name) return false;
    key.remove_prefix(name + size);
  }
  return key.starts_with(std::to_string(tenant.value()) + ":");
}

std::string mark_key(TenantId tenant) {
  std::string key = mark_prefix();
  char id[4];
  store_big32(id, tenant.value());
  return key.append(id, sizeof id);
}

std::string payload_of(TenantId tenant) {
  std::string out;
  append_little(out, tenant.value());
  return out;
}

TenantId tenant_in(const wal::RecordView& record) {
  return TenantId{record.payload.size() == 4 ? load_little<std::uint32_t>(record.payload.data())
                                             : 0};
}

// Every lane keeps marks, and at a replay applies them all: by then no record of the tenant
// follows.
wal::RecordView about(KernelRecord type, ByteView payload, VShardId vshard = kEveryVShard) {
  return {kKernelEngine, static_cast<std::uint32_t>(type), TenantId{0}, vshard, {}, payload};
}

}  // namespace

TenantEraser::TenantEraser(host::LaneHost& host, bridge::TenantDrops* drops,
                           std::function<SystemRecord(TenantId)> end_record)
    : host_(host), drops_(drops), end_record_(std::move(end_record)) {}

void TenantEraser::open() {
  marked_.clear();
  work_.clear();
  const std::string from = mark_prefix();
  std::string to = from;
  ++to.back();
  const auto walk = host_.own_store().walk({from, to, false});
  for (store::Entry entry; walk->next(entry);) {
    if (entry.key.size() == from.size() + 4) {
      marked_.insert(TenantId{load_big32(entry.key.data() + from.size())});
    }
  }
  take_news();
  has_work_ = !refused_.empty();
}

void TenantEraser::take_news() {
  if (drops_ != nullptr) {
    seen_ = drops_->version();
    const auto tenants = drops_->tenants();
    listed_ = {tenants.begin(), tenants.end()};
  }
  refused_ = listed_;
  refused_.insert(marked_.begin(), marked_.end());
  std::erase_if(work_, [this](const auto& entry) { return !listed_.contains(entry.first); });
}

void TenantEraser::step(const std::function<bool(TenantId)>& is_busy, wal::BatchBuilder& batch) {
  take_news();
  has_work_ = false;
  for (const TenantId tenant : refused_) {
    if (step_of(tenant, is_busy, batch)) has_work_ = true;
    if (batch.count() > 0) return;
  }
}

bool TenantEraser::step_of(TenantId tenant, const std::function<bool(TenantId)>& is_busy,
                           wal::BatchBuilder& batch) {
  // The drop has ended, or its end came before this lane took its mark away.
  if (!listed_.contains(tenant)) {
    return batch.add(about(KernelRecord::kTenantGone, payload_of(tenant))).ok();
  }
  Work& work = work_[tenant];
  if (!work.is_quiet) {
    if (is_busy(tenant)) return true;
    work.is_quiet = true;
    drops_->report(host_.lane, tenant, Stage::kQuiet);
  }
  if (!marked_.contains(tenant)) {
    if (!drops_->have_all(tenant, Stage::kQuiet)) return false;  // the last one's report is news
    return batch.add(about(KernelRecord::kTenantDropped, payload_of(tenant))).ok();
  }
  if (!work.is_forgotten) return forget_some(tenant, work);
  if (!work.is_erased) return erase_some(tenant, work, batch);
  return drops_->have_all(tenant, Stage::kErased) && end_drop(tenant, batch);
}

bool TenantEraser::forget_some(TenantId tenant, Work& work) {
  const auto& engines = host_.catalog->engines();
  for (std::size_t i = 0; i < engines.size(); ++i) {
    const auto forget = engines[i]->descriptor.forget;
    if (forget == nullptr) continue;
    const host::HeapScope heap(host_.memory, tenant);
    const plugin::EngineScope scope(*engines[i], "forget");
    if (forget(host_.instances[i], tenant.value()) != 0) return true;
  }
  work.is_forgotten = true;
  work.ranges = ranges_of(tenant);
  return true;
}

// Of engines that are not enabled too: the dictionary knows them.
std::vector<TenantEraser::Range> TenantEraser::ranges_of(TenantId tenant) const {
  std::vector<Range> ranges = {
      {prefix_of(kKernelEngine, tenant), end_of(kKernelEngine, tenant)}};  // kept answers
  each_engine_number(host_.own_store(), [&](EngineNumber number, ByteView) {
    ranges.push_back({prefix_of(number, tenant), end_of(number, tenant)});
  });
  for (const auto& [space, pick] : {std::pair(kSpaceParked, Pick::kParked),
                                    std::pair(kSpaceKeptAnswer, Pick::kKeptAnswers),
                                    std::pair(kSpaceKeptOrder, Pick::kKeptOrder)}) {
    const auto behind = static_cast<std::uint8_t>(space + 1);
    ranges.push_back({space_prefix(space), space_prefix(behind), pick});
  }
  return ranges;
}

bool TenantEraser::is_picked(const Range& range, const store::Entry& entry, TenantId tenant) {
  constexpr std::size_t kVShardAndTime = 2 + 8;  // before the key in the order of answers
  const ByteView key = entry.key.substr(range.lower.size());
  switch (range.pick) {
    case Pick::kAll:
      return true;
    case Pick::kParked:
      return ParkedRecords::tenant_of(entry) == tenant;
    case Pick::kKeptAnswers:
      return is_key_of(key, tenant);
    case Pick::kKeptOrder:
      return key.size() > kVShardAndTime && is_key_of(key.substr(kVShardAndTime), tenant);
  }
  return false;
}

// What one step erases: keys by vShard, so that what its records do depends on nothing else.
struct TenantEraser::Slice {
  std::map<VShardId, std::string> keys;
  std::size_t looks = 0;
  std::size_t entries = 0;
  std::size_t bytes = 0;

  bool is_full() const {
    return looks >= kEraseLooksMax || entries >= kEraseEntriesMax || bytes >= kEraseKeyBytesMax;
  }
  void add(const store::Entry& entry) {
    std::string& of_vshard = keys[entry.vshard];
    append_little(of_vshard, static_cast<std::uint16_t>(entry.key.size()));
    of_vshard.append(entry.key);
    bytes += entry.key.size();
    ++entries;
  }
};

// True: the range has ended.
bool TenantEraser::take(TenantId tenant, const Range& range, std::string& from, Slice& slice) {
  const auto walk = host_.own_store().walk({from.empty() ? range.lower : from, range.upper, false});
  for (store::Entry entry; !slice.is_full();) {
    if (!walk->next(entry)) return true;
    ++slice.looks;
    from.assign(entry.key).push_back('\0');
    if (is_picked(range, entry, tenant)) slice.add(entry);
  }
  return false;
}

bool TenantEraser::erase_some(TenantId tenant, Work& work, wal::BatchBuilder& batch) {
  Slice slice;
  while (work.at < work.ranges.size() && take(tenant, work.ranges[work.at], work.from, slice)) {
    ++work.at;
    work.from.clear();
  }
  for (const auto& [vshard, payload] : slice.keys) {
    const Status added = batch.add(about(KernelRecord::kErase, payload, vshard));
    STATOR_ASSERT(added.ok());  // far below what a batch holds
  }
  if (slice.entries == 0 && work.at == work.ranges.size()) {
    work.is_erased = true;
    wants_checkpoint_ = true;
    drops_->report(host_.lane, tenant, Stage::kErased);
  }
  return true;
}

bool TenantEraser::end_drop(TenantId tenant, wal::BatchBuilder& batch) {
  if (!end_record_) return false;
  const SystemRecord end = end_record_(tenant);
  const VShardId vshard = host_.vshards->of(TenantId{0}, end.collection);
  if (host_.vshards->lane_of(vshard) != host_.lane) return false;
  for (const auto& engine : host_.catalog->engines()) {
    if (!engine->is_builtin) continue;
    return batch.add({engine->number, end.type, TenantId{0}, vshard, end.collection, end.payload})
        .ok();
  }
  return false;
}

void TenantEraser::put_off() {
  for (auto& [tenant, work] : work_) {
    work.at = 0;
    work.from.clear();
  }
}

Status TenantEraser::apply_erase(const wal::RecordView& record) {
  ByteView rest = record.payload;
  while (!rest.empty()) {
    const std::size_t size = rest.size() < 2 ? 0 : load_little<std::uint16_t>(rest.data());
    if (size == 0 || rest.size() < 2 + size) {
      return Error(ErrorCode::kCorrupted, "a record that erases names no keys");
    }
    host_.own_store().erase(rest.substr(2, size));
    rest.remove_prefix(2 + size);
  }
  return ok_status();
}

void TenantEraser::apply_mark(const wal::RecordView& record) {
  const TenantId tenant = tenant_in(record);
  host_.own_store().put(mark_key(tenant), kEveryVShard, {});
  marked_.insert(tenant);
  refused_.insert(tenant);
}

void TenantEraser::apply_unmark(const wal::RecordView& record) {
  const TenantId tenant = tenant_in(record);
  host_.own_store().erase(mark_key(tenant));
  marked_.erase(tenant);
  if (!listed_.contains(tenant)) refused_.erase(tenant);
}

}  // namespace stator::core
