// Puts the structs of one update into a store in an order in which each finds what it needs.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "codec/update.h"
#include "doc/store.h"
#include "doc/waiting_structs.h"

namespace stator::crdt {

class StructFeed {
 public:
  // Both are borrowed.
  StructFeed(const Update& update, const Store& store);

  // Integrates all that can be. `into` is the store, or nullptr to find out without changing it.
  void run(Store* into);
  // After run().
  bool has_rest() const;
  void take_rest(WaitingStructs& out) const;
  // First clock of the client that is not known after run().
  std::uint32_t state(std::uint64_t client) const;

 private:
  struct Queue {
    std::uint64_t client = 0;
    std::uint32_t next = 0;  // into refs
    std::uint32_t end = 0;
    std::uint32_t state = 0;
    bool is_blocked = false;
    bool is_waiting = false;  // its head waits for the queue above it on the stack
    bool is_open() const { return !is_blocked && !is_waiting && next < end; }
  };
  static constexpr std::uint32_t kNoQueue = 0xffff'ffff;

  void drain(std::uint32_t first, Store* into);
  std::uint32_t queue_of(std::uint64_t client) const;
  void block(const std::vector<std::uint32_t>& stack);

  const Update& update_;
  const Store& store_;
  std::vector<Queue> queues_;  // descending clients
  std::unordered_map<std::uint64_t, std::uint32_t, IdHash> queue_index_;
};

}  // namespace stator::crdt
