#include "data/store/store.h"

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "data/store/checkpointer.h"
#include "data/store/lmdb_env.h"
#include "data/store/memtable.h"
#include "data/store/merged_walk.h"
#include "data/store/stored_value.h"

namespace stator::store {
namespace {

// Bytes of log that count like one of memory when a checkpoint is due.
constexpr std::size_t kLogPerMemory = 4;

static_assert(kFetchMax <= kKeysInStepMax);

// The keys that memory does not know, to be looked up in the base.
class Unknown {
 public:
  void add(ByteView key, std::size_t place) {
    keys_[count_] = key;
    places_[count_++] = place;
  }
  template <class Base>
  void fetch_from(Base& base, std::span<Entry> found) STATOR_ON(lane) {
    if (count_ == 0) return;
    const auto in_base = std::span(in_base_).first(count_);
    base.fetch(std::span<const ByteView>(keys_).first(count_), in_base);
    for (std::size_t i = 0; i < count_; ++i) {
      if (!in_base[i].key.empty()) found[places_[i]] = entry_of(in_base[i].key, in_base[i].stored);
    }
  }

 private:
  std::array<ByteView, kFetchMax> keys_;
  std::array<std::size_t, kFetchMax> places_{};
  std::array<MappedEntry, kFetchMax> in_base_;
  std::size_t count_ = 0;
};

void prefetch_all(const Memtable& memtable, std::span<const ByteView> keys) {
  if (memtable.count() == 0) return;
  std::array<std::uint64_t, kFetchMax> hashes{};
  for (std::size_t i = 0; i < keys.size(); ++i) hashes[i] = memtable.prefetch(keys[i]);
  for (std::size_t i = 0; i < keys.size(); ++i) memtable.prefetch_node(hashes[i]);
}

class LaneStore;

class LaneSnapshot final : public Snapshot {
 public:
  LaneSnapshot(LaneStore& store, std::uint64_t number, std::vector<const Memtable*> memtables,
               std::unique_ptr<BaseSnapshot> base)
      : store_(store), number_(number), memtables_(std::move(memtables)), base_(std::move(base)) {}
  ~LaneSnapshot() override;
  bool get(ByteView key, Entry& entry) override;
  void fetch(std::span<const ByteView> keys, std::span<Entry> found) override STATOR_ON(lane);
  std::unique_ptr<Walk> walk(const WalkOptions& options) override;

 private:
  LaneStore& store_;
  const std::uint64_t number_;
  const std::vector<const Memtable*> memtables_;  // newest first
  std::unique_ptr<BaseSnapshot> base_;
};

class LaneStore final : public Store {
 public:
  LaneStore(const StoreOptions& options, std::unique_ptr<LmdbEnv> base);

  Lsn applied() const override STATOR_ON(lane) { return applied_; }
  void begin_turn() override STATOR_ON(lane);
  void end_turn() override STATOR_ON(lane);
  bool get(ByteView key, Entry& entry) override STATOR_ON(lane);
  void fetch(std::span<const ByteView> keys, std::span<Entry> found) override STATOR_ON(lane);
  std::uint64_t prefetch(ByteView key) const override STATOR_ON(lane) {
    return active_->prefetch(key);
  }
  void prefetch_value(std::uint64_t hint) const override STATOR_ON(lane) {
    active_->prefetch_node(hint);
  }
  std::unique_ptr<Walk> walk(const WalkOptions& options) override STATOR_ON(lane);
  std::unique_ptr<Snapshot> snapshot() override STATOR_ON(lane);
  void end_snapshot(std::uint64_t number) STATOR_ON(lane);
  void put(ByteView key, VShardId vshard, ByteView value) override STATOR_ON(lane);
  void overwrite(ByteView key, VShardId vshard, ByteView value) override STATOR_ON(lane);
  void erase(ByteView key) override STATOR_ON(lane);
  bool wants_checkpoint() const override STATOR_ON(lane);
  bool start_checkpoint(Lsn up_to) override STATOR_ON(lane);
  Status finish_checkpoint() override STATOR_ON(lane);
  bool checkpoint_running() const override STATOR_ON(lane) { return is_running_; }
  Status wait_checkpoint() override STATOR_ON(lane);
  std::size_t memtable_bytes() const override STATOR_ON(lane) { return active_->bytes(); }
  void forget_memory() override STATOR_ON(lane);
  Status copy(const std::function<Status(ByteView)>& sink) override STATOR_ON(background) {
    return base_->copy(sink);
  }

 private:
  void freeze() STATOR_ON(lane);
  void drop_frozen() STATOR_ON(lane);
  void grow_and_restart() STATOR_ON(lane);
  void keep_for_snapshots() STATOR_ON(lane);
  // Frees it when no snapshot can see it any more.
  void discard(std::unique_ptr<Memtable> memtable) STATOR_ON(lane);

  const std::size_t memtable_bytes_max_;
  const std::function<void()> on_checkpoint_;
  const std::unique_ptr<LmdbEnv> base_;
  std::unique_ptr<Memtable> active_ = std::make_unique<Memtable>();
  std::unique_ptr<Memtable> frozen_;  // being written, or its checkpoint failed
  // Memory whose views may be out until the end of the turn.
  std::vector<std::unique_ptr<Memtable>> retired_;
  Lsn applied_;
  Lsn up_to_;  // of the running checkpoint
  bool is_in_turn_ = false;
  bool is_running_ = false;
  bool is_frozen_written_ = false;  // in the base, but not in the snapshot of this turn
  bool is_growth_due_ = false;      // the running checkpoint waits for the end of the turn
  Status growth_failure_;           // ends the running checkpoint

  std::uint64_t snapshots_ = 0;      // taken so far: the number of the last
  std::vector<std::uint64_t> open_;  // numbers of those that live, ascending
  struct Kept {
    std::uint64_t last_snapshot;  // that may see it
    std::unique_ptr<Memtable> memtable;
  };
  std::vector<Kept> kept_;

  Checkpointer checkpointer_;  // last: its thread reads frozen_ and base_
};

LaneStore::LaneStore(const StoreOptions& options, std::unique_ptr<LmdbEnv> base)
    : memtable_bytes_max_(options.memtable_bytes == 0 ? kMemtableBytesMax : options.memtable_bytes),
      on_checkpoint_(options.on_checkpoint),
      base_(std::move(base)),
      applied_(base_->applied()),
      checkpointer_(*base_, options.on_checkpoint) {}

void LaneStore::begin_turn() {
  base_->end_read();  // of a read outside turns
  is_in_turn_ = true;
}

void LaneStore::end_turn() {
  is_in_turn_ = false;
  base_->end_read();
  for (auto& memtable : retired_) discard(std::move(memtable));
  retired_.clear();
  if (is_frozen_written_) drop_frozen();
  if (is_growth_due_ && open_.empty()) grow_and_restart();
}

bool LaneStore::get(ByteView key, Entry& entry) {
  const Memtable::Node* node = active_->find(key);
  if (node == nullptr && frozen_ != nullptr) node = frozen_->find(key);
  ByteView stored;
  if (node != nullptr) {
    if (node->is_erased()) return false;
    stored = node->stored();
  } else if (!base_->get(key, stored)) {
    return false;
  }
  entry = entry_of(key, stored);
  return true;
}

void LaneStore::fetch(std::span<const ByteView> keys, std::span<Entry> found) {
  STATOR_ASSERT(keys.size() <= kFetchMax && found.size() == keys.size());
  prefetch_all(*active_, keys);
  if (frozen_ != nullptr) prefetch_all(*frozen_, keys);
  Unknown unknown;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Memtable::Node* node = active_->find(keys[i]);
    if (node == nullptr && frozen_ != nullptr) node = frozen_->find(keys[i]);
    found[i] = {};
    if (node == nullptr) {
      unknown.add(keys[i], i);
    } else if (!node->is_erased()) {
      found[i] = entry_of(node->key(), node->stored());
    }
  }
  unknown.fetch_from(*base_, found);
}

std::unique_ptr<Walk> LaneStore::walk(const WalkOptions& options) {
  std::vector<std::unique_ptr<Layer>> layers;
  if (active_->count() > 0) layers.push_back(std::make_unique<MemtableLayer>(*active_));
  if (frozen_ != nullptr) layers.push_back(std::make_unique<MemtableLayer>(*frozen_));
  layers.push_back(std::make_unique<BaseLayer>(base_->cursor()));
  return std::make_unique<MergedWalk>(std::move(layers), options);
}

std::unique_ptr<Snapshot> LaneStore::snapshot() {
  if (is_growth_due_) return nullptr;
  STATOR_ASSERT(open_.size() < kPausedReadsMax);
  open_.push_back(++snapshots_);
  keep_for_snapshots();
  std::vector<const Memtable*> memtables = {active_.get()};
  if (frozen_ != nullptr) memtables.push_back(frozen_.get());
  return std::make_unique<LaneSnapshot>(*this, snapshots_, std::move(memtables), base_->snapshot());
}

void LaneStore::end_snapshot(std::uint64_t number) {
  std::erase(open_, number);
  keep_for_snapshots();
  std::vector<Kept> kept = std::exchange(kept_, {});
  for (Kept& one : kept) {
    const bool is_seen = !open_.empty() && open_.front() <= one.last_snapshot;
    is_seen ? kept_.push_back(std::move(one)) : checkpointer_.discard(std::move(one.memtable));
  }
  if (is_growth_due_ && open_.empty() && !is_in_turn_) grow_and_restart();
}

// A frozen memtable is written only by absorb(), after a checkpoint that failed.
void LaneStore::keep_for_snapshots() {
  const std::uint64_t newest = open_.empty() ? 0 : snapshots_;
  active_->keep_for(newest);
  if (frozen_ != nullptr) frozen_->keep_for(newest);
}

void LaneStore::discard(std::unique_ptr<Memtable> memtable) {
  if (!open_.empty()) return kept_.push_back({snapshots_, std::move(memtable)});
  checkpointer_.discard(std::move(memtable));
}

LaneSnapshot::~LaneSnapshot() {
  base_.reset();
  store_.end_snapshot(number_);
}

bool LaneSnapshot::get(ByteView key, Entry& entry) {
  for (const Memtable* memtable : memtables_) {
    const Memtable::Node* node = memtable->find(key);
    Memtable::Said said{};
    if (node == nullptr || !memtable->said(*node, number_, said)) continue;
    if (!said.is_erased) entry = entry_of(key, said.stored);
    return !said.is_erased;
  }
  ByteView stored;
  if (!base_->get(key, stored)) return false;
  entry = entry_of(key, stored);
  return true;
}

void LaneSnapshot::fetch(std::span<const ByteView> keys, std::span<Entry> found) {
  STATOR_ASSERT(keys.size() <= kFetchMax && found.size() == keys.size());
  for (const Memtable* memtable : memtables_) prefetch_all(*memtable, keys);
  Unknown unknown;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Memtable::Node* node = nullptr;
    Memtable::Said said{};
    for (const Memtable* memtable : memtables_) {
      node = memtable->find(keys[i]);
      if (node != nullptr && memtable->said(*node, number_, said)) break;
      node = nullptr;
    }
    found[i] = {};
    if (node == nullptr) {
      unknown.add(keys[i], i);
    } else if (!said.is_erased) {
      found[i] = entry_of(node->key(), said.stored);
    }
  }
  unknown.fetch_from(*base_, found);
}

std::unique_ptr<Walk> LaneSnapshot::walk(const WalkOptions& options) {
  std::vector<std::unique_ptr<Layer>> layers;
  for (const Memtable* memtable : memtables_) {
    if (memtable->count() > 0)
      layers.push_back(std::make_unique<MemtableLayer>(*memtable, number_));
  }
  layers.push_back(std::make_unique<BaseLayer>(base_->cursor()));
  return std::make_unique<MergedWalk>(std::move(layers), options);
}

void LaneStore::put(ByteView key, VShardId vshard, ByteView value) {
  active_->put(key, vshard, value);
}

void LaneStore::overwrite(ByteView key, VShardId vshard, ByteView value) {
  active_->overwrite(key, vshard, value);
}

void LaneStore::erase(ByteView key) { active_->erase(key); }

bool LaneStore::wants_checkpoint() const {
  // What was written over is in the log: without an end to it the log could never be trimmed.
  const std::size_t bytes = active_->bytes() + active_->overwritten() / kLogPerMemory;
  return !is_running_ && bytes >= memtable_bytes_max_;
}

// After a failed checkpoint its memtable is still there: what came since is put into it, so that
// there is one to write again.
void LaneStore::freeze() {
  auto active = std::exchange(active_, std::make_unique<Memtable>());
  keep_for_snapshots();
  if (frozen_ == nullptr) {
    frozen_ = std::move(active);
    return;
  }
  frozen_->absorb(*active);
  is_in_turn_ ? retired_.push_back(std::move(active)) : discard(std::move(active));
}

bool LaneStore::start_checkpoint(Lsn up_to) {
  if (is_running_ || is_frozen_written_) return false;
  STATOR_ASSERT(up_to >= applied_);
  freeze();
  up_to_ = up_to;
  is_running_ = true;
  checkpointer_.start(*frozen_, up_to);
  return true;
}

void LaneStore::drop_frozen() {
  discard(std::move(frozen_));
  is_frozen_written_ = false;
}

Status LaneStore::finish_checkpoint() {
  if (!is_running_ || is_growth_due_) return ok_status();
  Status result = std::exchange(growth_failure_, ok_status());
  if (result.ok()) {
    if (!checkpointer_.is_ended()) return ok_status();
    result = checkpointer_.take_result();
  }
  if (!result.ok() && result.error().code() == ErrorCode::kResourcesExhausted) {
    is_growth_due_ = true;  // the map moves: not while somebody looks at it
    if (!is_in_turn_ && open_.empty()) grow_and_restart();
    return ok_status();
  }
  is_running_ = false;
  if (!result.ok()) return result;
  applied_ = up_to_;
  is_frozen_written_ = true;
  // The snapshot of this turn is older than the checkpoint: it needs the frozen memtable still.
  if (is_in_turn_) return ok_status();
  base_->end_read();
  drop_frozen();
  return ok_status();
}

void LaneStore::grow_and_restart() {
  base_->end_read();
  is_growth_due_ = false;
  Status grown = base_->grow();
  if (grown.ok()) {
    checkpointer_.start(*frozen_, up_to_);
    return;
  }
  growth_failure_ = std::move(grown);
  if (on_checkpoint_) on_checkpoint_();
}

void LaneStore::forget_memory() {
  STATOR_ASSERT(!is_in_turn_ && !is_running_ && !is_frozen_written_ && open_.empty());
  base_->end_read();
  active_ = std::make_unique<Memtable>();
  frozen_.reset();  // of a checkpoint that failed
}

// Inside a turn a checkpoint that needs a larger map goes on after end_turn() and is not waited
// for.
Status LaneStore::wait_checkpoint() {
  while (is_running_ && !is_growth_due_) {
    if (growth_failure_.ok()) checkpointer_.wait();
    STATOR_CHECK(finish_checkpoint());
  }
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  STATOR_TRY(std::unique_ptr<LmdbEnv> base,
             LmdbEnv::open(options.directory, options.map_bytes,
                           {options.group_of, options.on_size_change}));
  return std::unique_ptr<Store>(std::make_unique<LaneStore>(options, std::move(base)));
}

}  // namespace stator::store
