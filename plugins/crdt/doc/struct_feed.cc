#include "doc/struct_feed.h"

#include <algorithm>

namespace stator::crdt {

StructFeed::StructFeed(const Update& update, Store& store) : update_(update), store_(store) {
  for (const Update::Section& section : update.structs) {
    queues_.push_back({section.client, section.first, section.first + section.count});
  }
  std::sort(queues_.begin(), queues_.end(),
            [](const Queue& a, const Queue& b) { return a.client > b.client; });
  for (std::uint32_t i = 0; i < queues_.size(); ++i) queue_index_[queues_[i].client] = i;
}

void StructFeed::run() {
  for (std::uint32_t i = 0; i < queues_.size(); ++i) {
    while (queues_[i].is_open()) drain(i);
  }
}

std::uint32_t StructFeed::queue_of(std::uint64_t client) const {
  const auto found = queue_index_.find(client);
  return found == queue_index_.end() ? kNoQueue : found->second;
}

void StructFeed::note_missing(std::uint64_t client, std::uint32_t clock) {
  const auto [entry, is_new] = missing_.try_emplace(client, clock);
  if (!is_new) entry->second = std::min(entry->second, clock);
}

// No client on the stack can go on with this update.
void StructFeed::block(const std::vector<std::uint32_t>& stack) {
  for (const std::uint32_t queue : stack) queues_[queue].is_blocked = true;
}

// Works on the head of one queue. A head that needs another client's elements makes that client's
// queue go first: `stack` holds the queues whose heads wait for the one above them.
void StructFeed::drain(std::uint32_t first) {
  std::vector<std::uint32_t> stack{first};
  while (!stack.empty()) {
    Queue& queue = queues_[stack.back()];
    queue.is_waiting = false;
    const StructRef& ref = update_.refs[queue.next];
    const std::uint32_t state = store_.state(queue.client);
    if (ref.kind() == ContentKind::kSkip || ref.end() <= state) {
      ++queue.next;
      stack.pop_back();
      continue;
    }
    if (ref.clock > state) {
      note_missing(queue.client, ref.clock - 1);
      return block(stack);
    }
    const Struct value = read_struct(update_, queue.client, ref);
    if (const auto needed = store_.missing(queue.client, value)) {
      const std::uint32_t other = queue_of(needed->client);
      if (other == kNoQueue || !queues_[other].is_open()) {
        note_missing(needed->client, needed->clock);
        return block(stack);
      }
      queue.is_waiting = true;
      stack.push_back(other);
      continue;
    }
    store_.integrate(queue.client, value, state - ref.clock);
    ++queue.next;
    stack.pop_back();
  }
}

std::size_t StructFeed::rest_count() const {
  std::size_t count = 0;
  for (const Queue& queue : queues_) count += queue.end - queue.next;
  return count;
}

std::string StructFeed::rest() const {
  ByteWriter out;
  std::uint64_t sections = 0;
  for (const Queue& queue : queues_) {
    if (queue.next >= queue.end) continue;
    ++sections;
    const StructRef* refs = update_.refs.data();
    out.var_uint(queue.end - queue.next);
    out.var_uint(queue.client);
    out.var_uint(refs[queue.next].clock);
    for (std::uint32_t i = queue.next; i < queue.end; ++i) {
      write_struct(out, queue.client, read_struct(update_, queue.client, refs[i]), 0);
    }
  }
  if (sections == 0) return {};
  ByteWriter update;
  update.var_uint(sections);
  update.bytes(out.take());
  update.var_uint(0);
  return update.take();
}

}  // namespace stator::crdt
