#include "doc/struct_feed.h"

#include <algorithm>

namespace stator::crdt {

StructFeed::StructFeed(const Update& update, const Store& store) : update_(update), store_(store) {
  for (const Update::Section& section : update.structs) {
    queues_.push_back({.client = section.client,
                       .next = section.first,
                       .end = section.first + section.count,
                       .state = store.state(section.client)});
  }
  std::sort(queues_.begin(), queues_.end(),
            [](const Queue& a, const Queue& b) { return a.client > b.client; });
  for (std::uint32_t i = 0; i < queues_.size(); ++i) queue_index_[queues_[i].client] = i;
}

void StructFeed::run(Store* into) {
  for (std::uint32_t i = 0; i < queues_.size(); ++i) {
    while (queues_[i].is_open()) drain(i, into);
  }
}

std::uint32_t StructFeed::queue_of(std::uint64_t client) const {
  const auto found = queue_index_.find(client);
  return found == queue_index_.end() ? kNoQueue : found->second;
}

std::uint32_t StructFeed::state(std::uint64_t client) const {
  const std::uint32_t queue = queue_of(client);
  return queue == kNoQueue ? store_.state(client) : queues_[queue].state;
}

// No client on the stack can go on with this update.
void StructFeed::block(const std::vector<std::uint32_t>& stack) {
  for (const std::uint32_t queue : stack) queues_[queue].is_blocked = true;
}

// Works on the head of one queue. A head that needs another client's elements makes that client's
// queue go first: `stack` holds the queues whose heads wait for the one above them.
void StructFeed::drain(std::uint32_t first, Store* into) {
  std::vector<std::uint32_t> stack{first};
  const auto state_of = [this](std::uint64_t client) { return state(client); };
  while (!stack.empty()) {
    Queue& queue = queues_[stack.back()];
    queue.is_waiting = false;
    const StructRef& ref = update_.refs[queue.next];
    if (ref.kind() == ContentKind::kSkip || ref.end() <= queue.state) {
      ++queue.next;
      stack.pop_back();
      continue;
    }
    if (ref.clock > queue.state) return block(stack);
    const Struct value = read_struct(update_, queue.client, ref);
    const std::uint32_t offset = queue.state - ref.clock;
    if (const auto needed = Store::missing(queue.client, value, offset, state_of)) {
      const std::uint32_t other = queue_of(needed->client);
      if (other == kNoQueue || !queues_[other].is_open()) return block(stack);
      queue.is_waiting = true;
      stack.push_back(other);
      continue;
    }
    if (into != nullptr) into->integrate(queue.client, value, offset);
    queue.state = ref.end();
    ++queue.next;
    stack.pop_back();
  }
}

bool StructFeed::has_rest() const {
  for (const Queue& queue : queues_) {
    for (std::uint32_t i = queue.next; i < queue.end; ++i) {
      const StructRef& ref = update_.refs[i];
      if (ref.kind() != ContentKind::kSkip && ref.end() > queue.state) return true;
    }
  }
  return false;
}

void StructFeed::take_rest(WaitingStructs& out) const {
  for (const Queue& queue : queues_) {
    for (std::uint32_t i = queue.next; i < queue.end; ++i) {
      const StructRef& ref = update_.refs[i];
      if (ref.kind() == ContentKind::kSkip) continue;
      out.add(queue.client, read_struct(update_, queue.client, ref));
    }
  }
}

}  // namespace stator::crdt
