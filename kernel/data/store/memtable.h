// The newest writes of a lane: a hash table for points and a skip list (Pugh 1990) for order over
// the same nodes, all in one arena. Deletions are kept as tombstones, which hide older layers.
//
// Thread: one writer, the lane; once it is frozen nobody writes and any thread may read.
// Keys and values never move, so what was handed out stays valid as long as the memtable, but for a
// value that overwrite() replaced.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "data/store/arena.h"
#include "data/store/huge_pages.h"

namespace stator::store {

class Memtable {
 public:
  struct Node {
    Node* previous;  // in key order; nullptr before the first
    char* value;     // as in stored_value.h; nullptr: erased
    std::uint32_t value_bytes;
    std::uint16_t key_bytes;
    std::uint8_t height;  // pointers behind the node; the key and the first value follow them
    bool has_past;        // snapshots may see something else

    Node** tower() { return reinterpret_cast<Node**>(this + 1); }
    const Node* next() const { return *reinterpret_cast<Node* const*>(this + 1); }
    ByteView key() const {
      const Node* const* behind = reinterpret_cast<Node* const*>(this + 1) + height;
      return {reinterpret_cast<const char*>(behind), key_bytes};
    }
    bool is_erased() const { return value == nullptr; }
    ByteView stored() const { return {value, value_bytes}; }
  };

  Memtable();
  Memtable(const Memtable&) = delete;
  Memtable& operator=(const Memtable&) = delete;

  // nullptr: this memtable knows nothing of the key.
  const Node* find(ByteView key) const;
  // Two steps that bring a key into the cache before find(), so that the misses of many keys overlap:
  // prefetch() begins to fetch its slot, prefetch_node() what the slot (fetched by now) points to.
  std::uint64_t prefetch(ByteView key) const;
  void prefetch_node(std::uint64_t hash) const;
  void put(ByteView key, VShardId vshard, ByteView value);
  // put(), in the place of the old value where it fits: keys that are written again and again do
  // not fill the memory. Only while nobody looks at that old value.
  void overwrite(ByteView key, VShardId vshard, ByteView value);
  void erase(ByteView key);
  // Everything that `newer` says is said here afterwards.
  void absorb(const Memtable& newer);

  const Node* first() const { return head_->next(); }
  const Node* last() const { return last_; }
  // The first node whose key is not less than `key`; nullptr if there is none.
  const Node* at_or_after(ByteView key) const;
  // The last node whose key is less than `key`.
  const Node* before(ByteView key) const;

  // ---- snapshots -------------------------------------------------------------------------------
  // From now on what is written over is kept for the snapshots that are open, the newest of which
  // is `newest`; 0: there are none. Numbers grow.
  void keep_for(std::uint64_t newest) { keep_for_ = newest; }
  // What a node says, or said.
  struct Said {
    ByteView stored;
    bool is_erased;
  };
  // False: in this snapshot the key is not here. Snapshot 0 is the present. The lane's thread.
  bool said(const Node& node, std::uint64_t snapshot, Said& said) const;

  std::size_t count() const { return count_; }
  // Bytes that overwrite() put in the place of others: they fill the log, not the memory.
  std::size_t overwritten() const { return overwritten_; }
  std::size_t bytes() const {
    return arena_.bytes() + slots_.size() * sizeof(Slot) + past_.size() * kPastBytes;
  }

 private:
  static constexpr std::size_t kHeightMax = 12;
  struct Slot {
    std::uint64_t hash = 0;
    Node* node = nullptr;  // nullptr: free
  };

  // What a node said until it was written when `until` was the newest snapshot.
  struct Past {
    std::uint64_t until;
    const char* value;  // as in Node
    std::uint32_t value_bytes;
    bool was_here;
  };
  static constexpr std::size_t kPastBytes = 96;  // of one node's past in the heap, about

  void keep_past(Node& node, bool is_new);
  std::size_t slot_of(ByteView key, std::uint64_t hash) const;
  // The node of the key, made if there was none; a new one has `room` bytes behind its key.
  Node* node_of(ByteView key, std::size_t room, bool& is_new);
  Node* make_node(ByteView key, std::size_t height, std::size_t room);
  void link(Node* node);
  Node* find_before(ByteView key, std::array<Node*, kHeightMax>& path) const;
  std::size_t random_height();
  void grow_slots();
  void set_stored(Node& node, char* stored, std::size_t size);
  static void write_stored(char* to, VShardId vshard, ByteView value);

  Arena arena_;
  std::vector<Slot, HugePageAllocator<Slot>> slots_;
  Node* head_;
  Node* last_ = nullptr;
  std::size_t count_ = 0;
  std::size_t overwritten_ = 0;
  std::size_t height_ = 1;  // levels in use
  std::uint64_t random_ = 0x9e3779b97f4a7c15u;
  std::uint64_t keep_for_ = 0;
  std::unordered_map<const Node*, std::vector<Past>> past_;  // oldest first
};

}  // namespace stator::store
