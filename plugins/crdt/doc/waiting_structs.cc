#include "doc/waiting_structs.h"

#include <iterator>

namespace stator::crdt {

StructRef WaitingStructs::Part::ref(std::uint32_t clock, std::size_t begin) const {
  StructRef out;
  out.clock = clock;
  out.length = length;
  out.begin = static_cast<std::uint32_t>(begin);
  out.bytes = static_cast<std::uint32_t>(bytes.size());
  out.info = static_cast<std::uint8_t>(bytes.front());
  return out;
}

Struct WaitingStructs::Part::view(std::uint64_t client, std::uint32_t clock) const {
  Update update;
  update.bytes = bytes;
  return read_struct(update, client, ref(clock, 0));
}

void WaitingStructs::add(std::uint64_t client, const Struct& value) {
  auto& parts = queues_[client].parts;
  const auto behind = parts.upper_bound(value.clock);
  ++steps_;
  // The same again: of those with one clock the last is the longest.
  if (behind != parts.begin() && std::prev(behind)->first == value.clock &&
      std::prev(behind)->second.length >= value.length) {
    return;
  }
  ByteWriter out;
  write_struct(out, client, value, 0);
  bytes_ += out.size();
  ++parts_;
  parts.emplace_hint(behind, value.clock, Part{out.take(), value.length});
}

void WaitingStructs::pop(Queue& queue) {
  const auto head = queue.parts.begin();
  bytes_ -= head->second.bytes.size();
  --parts_;
  queue.parts.erase(head);
}

void WaitingStructs::block(Queues::iterator queue, const StructId& missed) {
  queue->second.missed = missed;
  queue->second.is_blocked = true;
  blocked_.emplace(missed.client, missed.clock, queue->first);
}

void WaitingStructs::unblock(Queues::iterator queue) {
  if (!queue->second.is_blocked) return;
  queue->second.is_blocked = false;
  const StructId& missed = queue->second.missed;
  blocked_.erase({missed.client, missed.clock, queue->first});
}

void WaitingStructs::resume(Store& store, std::vector<std::uint64_t>& changed) {
  if (queues_.empty()) return;
  // Grows while it is walked over: each client that moves on may free others.
  for (std::size_t i = 0; i < changed.size(); ++i) {
    const std::uint64_t client = changed[i];
    if (const auto queue = queues_.find(client); queue != queues_.end()) drain(store, queue);
    const std::uint32_t state = store.state(client);
    while (true) {
      const auto waiter = blocked_.lower_bound({client, 0, 0});
      if (waiter == blocked_.end() || std::get<0>(*waiter) != client) break;
      if (std::get<1>(*waiter) >= state) break;
      const auto queue = queues_.find(std::get<2>(*waiter));
      unblock(queue);
      changed.push_back(queue->first);
    }
  }
}

// Takes from the head of the queue what can go in; the rest is blocked.
void WaitingStructs::drain(Store& store, Queues::iterator queue) {
  unblock(queue);
  const std::uint64_t client = queue->first;
  auto& parts = queue->second.parts;
  while (!parts.empty()) {
    const auto& [clock, part] = *parts.begin();
    const std::uint32_t state = store.state(client);
    ++steps_;
    if (clock > state) return block(queue, {client, clock - 1});
    if (clock + part.length > state) {
      const Struct value = part.view(client, clock);
      const std::uint32_t offset = state - clock;
      if (const auto missed = store.missing(client, value, offset)) return block(queue, *missed);
      store.integrate(client, value, offset);
    }
    pop(queue->second);
  }
  queues_.erase(queue);
}

Update WaitingStructs::as_update(std::string& storage) const {
  Update out;
  for (const auto& [client, queue] : queues_) {
    const auto first = static_cast<std::uint32_t>(out.refs.size());
    for (const auto& [clock, part] : queue.parts) {
      out.refs.push_back(part.ref(clock, storage.size()));
      storage += part.bytes;
    }
    out.structs.push_back({client, first, static_cast<std::uint32_t>(queue.parts.size())});
  }
  out.bytes = storage;
  return out;
}

}  // namespace stator::crdt
