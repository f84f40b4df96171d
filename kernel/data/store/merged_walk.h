// A walk over the layers of a store as if they were one: of equal keys the newest layer's counts,
// and its tombstone hides the older ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/store/lmdb_env.h"
#include "data/store/memtable.h"
#include "data/store/store.h"

namespace stator::store {

// Sorted entries of one layer, walked in one direction.
class Layer {
 public:
  virtual ~Layer() = default;
  // To the first entry of the walk.
  virtual void begin(const WalkOptions& options) = 0;
  virtual void advance() = 0;
  bool has_entry() const { return has_entry_; }
  ByteView key() const { return key_; }
  // Only of an entry that is not erased.
  ByteView stored() const { return stored_; }
  bool is_erased() const { return is_erased_; }

 protected:
  ByteView key_;
  ByteView stored_;
  bool has_entry_ = false;
  bool is_erased_ = false;
};

class MemtableLayer final : public Layer {
 public:
  // As it is, or as it was in a snapshot (Memtable::said).
  explicit MemtableLayer(const Memtable& memtable, std::uint64_t snapshot = 0)
      : memtable_(memtable), snapshot_(snapshot) {}
  void begin(const WalkOptions& options) override;
  void advance() override;

 private:
  void take(const Memtable::Node* node);

  const Memtable::Node* beside(const Memtable::Node& node) const {
    return is_reverse_ ? node.previous : node.next();
  }

  const Memtable& memtable_;
  const std::uint64_t snapshot_;
  const Memtable::Node* node_ = nullptr;
  bool is_reverse_ = false;
};

class BaseLayer final : public Layer {
 public:
  explicit BaseLayer(std::unique_ptr<BaseCursor> cursor) : cursor_(std::move(cursor)) {}
  void begin(const WalkOptions& options) override;
  void advance() override;

 private:
  void take(bool is_there);

  std::unique_ptr<BaseCursor> cursor_;
  bool is_reverse_ = false;
};

class MergedWalk final : public Walk {
 public:
  // Newest layer first.
  MergedWalk(std::vector<std::unique_ptr<Layer>> layers, const WalkOptions& options);
  bool next(Entry& entry) override;

 private:
  // The layer whose entry comes next; the newest one of equals. nullptr at the end.
  const Layer* front() const;
  bool is_beyond(ByteView key) const;

  std::vector<std::unique_ptr<Layer>> layers_;
  const bool is_reverse_;
  const std::string bound_;  // where the walk ends; empty: with the last entry
};

}  // namespace stator::store
