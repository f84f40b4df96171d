// Puts the structs of one update into a store in an order in which each finds what it needs
// (shared/research/crdt.md 2.4, step 2).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "codec/update.h"
#include "doc/store.h"

namespace stator::crdt {

class StructFeed {
 public:
  StructFeed(const Update& update, Store& store);

  // Integrates all that can be.
  void run();
  // The rest as an update without deletes; empty if nothing is left.
  std::string rest() const;
  std::size_t rest_count() const;
  // First clock that the rest misses, per client.
  const std::map<std::uint64_t, std::uint32_t>& missing() const { return missing_; }

 private:
  struct Queue {
    std::uint64_t client = 0;
    std::uint32_t next = 0;  // into refs
    std::uint32_t end = 0;
    bool is_blocked = false;
    bool is_waiting = false;  // its head waits for the queue above it on the stack
    bool is_open() const { return !is_blocked && !is_waiting && next < end; }
  };
  static constexpr std::uint32_t kNoQueue = 0xffff'ffff;

  void drain(std::uint32_t first);
  std::uint32_t queue_of(std::uint64_t client) const;
  void block(const std::vector<std::uint32_t>& stack);
  void note_missing(std::uint64_t client, std::uint32_t clock);

  const Update& update_;
  Store& store_;
  std::vector<Queue> queues_;  // descending clients
  std::unordered_map<std::uint64_t, std::uint32_t, IdHash> queue_index_;
  std::map<std::uint64_t, std::uint32_t> missing_;
};

}  // namespace stator::crdt
