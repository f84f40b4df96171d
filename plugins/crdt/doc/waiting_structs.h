// Structs that cannot be put into a document yet, because what they refer to has not come.
//
// Per client a queue by clock, of which the head says what it waits for. An update costs what it
// adds and frees, whatever else waits: O(log n) each.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "codec/update.h"
#include "doc/store.h"

namespace stator::crdt {

class WaitingStructs {
 public:
  // resume() must be told about the client before anything else is asked.
  void add(std::uint64_t client, const Struct& value);
  // Puts in what can go in now. `changed`: clients that have moved on in the store or were given to
  // add(); those that move on by this are added to it.
  void resume(Store& store, std::vector<std::uint64_t>& changed);

  bool empty() const { return queues_.empty(); }
  std::size_t parts() const { return parts_; }
  std::size_t bytes() const { return bytes_; }
  // What waits as an update without deletes, whose structs may overlap: for merge_updates. Its
  // bytes are put into `storage`.
  Update as_update(std::string& storage) const;
  // Structs looked at so far: what tests count.
  std::uint64_t steps() const { return steps_; }

 private:
  struct Part {
    std::string bytes;  // as in an update
    std::uint32_t length = 0;
    Struct view(std::uint64_t client, std::uint32_t clock) const;
    StructRef ref(std::uint32_t clock, std::size_t begin) const;
  };
  struct Queue {
    std::multimap<std::uint32_t, Part> parts;  // by clock; equal ones in the order they came
    StructId missed;                           // by the head, once resume() has looked at it
    bool is_blocked = false;
  };
  using Queues = std::map<std::uint64_t, Queue, std::greater<>>;

  void drain(Store& store, Queues::iterator queue);
  void pop(Queue& queue);
  void block(Queues::iterator queue, const StructId& missed);
  void unblock(Queues::iterator queue);

  Queues queues_;
  std::set<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>> blocked_;  // missed, who waits
  std::size_t parts_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace stator::crdt
