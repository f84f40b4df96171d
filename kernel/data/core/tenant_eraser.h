// One lane's part of dropping tenants: a step at a time, each a few records of the log at most
// (docs/adr/0043-dropped-tenants.md).
//
// From its first record on the lane's store holds a mark of the tenant. With it engines are opened
// as if nothing of the tenant were stored, so what is half erased is never looked at.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bridge/tenant_drops.h"
#include "data/host/call_context.h"
#include "wal/batch.h"

namespace stator::core {

// Of one step: what it looks at, what it erases, and the bytes of keys in its records.
inline constexpr std::size_t kEraseLooksMax = 1024;
inline constexpr std::size_t kEraseEntriesMax = 256;
inline constexpr std::size_t kEraseKeyBytesMax = 64 * 1024;

// A record of the kernel's own engine.
struct SystemRecord {
  std::uint32_t type = 0;
  std::string collection;  // of tenant 0
  std::string payload;
};

class TenantEraser {
 public:
  // `drops` may be none: then no tenant is dropped. `end_record`: what says that nothing is left of
  // a tenant; it is written by the lane that owns its collection.
  TenantEraser(host::LaneHost& host, bridge::TenantDrops* drops,
               std::function<SystemRecord(TenantId)> end_record);

  // Before engines are opened, in a turn: reads the marks, and begins anew.
  void open();
  // The tenants with marks.
  const std::set<TenantId>& marked() const { return marked_; }

  // The lane carries out nothing for these.
  bool has_refused() const { return !refused_.empty(); }
  bool is_refused(TenantId tenant) const { return refused_.contains(tenant); }

  // There is something to do: since the last step, or because of what others reported.
  bool has_work() const { return has_work_ || (drops_ != nullptr && drops_->version() != seen_); }
  // Does one step, in a turn: adds the records to be written, if there are any. `is_busy`: whether
  // the lane is in the middle of something of that tenant.
  void step(const std::function<bool(TenantId)>& is_busy, wal::BatchBuilder& batch);
  // The records of the last step could not be written: what it found is to be found again.
  void put_off();
  // A tenant has been erased since the last one: its bytes leave the base with a checkpoint.
  bool wants_checkpoint() const { return wants_checkpoint_; }
  void checkpoint_begun() { wants_checkpoint_ = false; }

  // Its records, live and in recovery.
  Status apply_erase(const wal::RecordView& record);
  void apply_mark(const wal::RecordView& record);
  void apply_unmark(const wal::RecordView& record);

 private:
  // Of a range, which entries are the tenant's.
  enum class Pick : std::uint8_t { kAll, kParked, kKeptAnswers, kKeptOrder };
  struct Range {
    std::string lower;
    std::string upper;
    Pick pick = Pick::kAll;
  };
  struct Work {
    bool is_quiet = false;
    bool is_forgotten = false;
    bool is_erased = false;
    std::vector<Range> ranges;
    std::size_t at = 0;  // of ranges
    std::string from;    // in it; empty: its beginning
  };

  void take_news();
  // True: something was done, or waits to be.
  bool step_of(TenantId tenant, const std::function<bool(TenantId)>& is_busy,
               wal::BatchBuilder& batch);
  struct Slice;
  static bool is_picked(const Range& range, const store::Entry& entry, TenantId tenant);
  bool take(TenantId tenant, const Range& range, std::string& from, Slice& slice);
  bool erase_some(TenantId tenant, Work& work, wal::BatchBuilder& batch);
  bool forget_some(TenantId tenant, Work& work);
  std::vector<Range> ranges_of(TenantId tenant) const;
  bool end_drop(TenantId tenant, wal::BatchBuilder& batch);

  host::LaneHost& host_;
  bridge::TenantDrops* const drops_;
  const std::function<SystemRecord(TenantId)> end_record_;
  std::set<TenantId> listed_;   // in drops_, as of seen_
  std::set<TenantId> marked_;   // in the store
  std::set<TenantId> refused_;  // either
  std::map<TenantId, Work> work_;
  std::uint64_t seen_ = 0;
  bool has_work_ = false;
  bool wants_checkpoint_ = false;
};

}  // namespace stator::core
