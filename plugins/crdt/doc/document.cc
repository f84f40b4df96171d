#include "doc/document.h"

#include <algorithm>

#include "codec/update_merge.h"
#include "doc/struct_feed.h"

namespace stator::crdt {
namespace {

// Clients with their state, in the descending order of the wire.
std::vector<const Client*> ordered(const Store& store) {
  std::vector<const Client*> out;
  out.reserve(store.clients().size());
  for (const Client& client : store.clients()) {
    if (client.state > 0) out.push_back(&client);
  }
  std::sort(out.begin(), out.end(), [](const Client* a, const Client* b) { return a->id > b->id; });
  return out;
}

}  // namespace

void Document::apply(const Update& update) {
  const std::vector<std::uint64_t> changed = apply_structs(update);
  apply_deletes(update);
  for (const std::uint64_t client : changed) {
    for (const ClockRange& range : waiting_deletes_.take_below(client, store_.state(client))) {
      store_.erase_range(client, range);
    }
  }
  if (options_.formatting_cleanup) store_.clean_formatting();
  store_.finish();
}

std::vector<std::uint64_t> Document::apply_structs(const Update& update) {
  StructFeed feed(update, store_);
  feed.run(&store_);
  feed.take_rest(waiting_);
  std::vector<std::uint64_t> changed;
  for (const Update::Section& section : update.structs) changed.push_back(section.client);
  waiting_.resume(store_, changed);
  return changed;
}

void Document::apply_deletes(const Update& update) {
  for (const Update::Section& section : update.deletes) {
    // Ascending, so that a run which is cut to pieces is cut at its near end each time.
    const auto first = update.ranges.begin() + section.first;
    std::vector<ClockRange> ranges(first, first + section.count);
    normalize(ranges);
    for (const ClockRange& range : ranges) {
      const auto unknown = store_.erase_range(section.client, range);
      if (unknown) waiting_deletes_.add(section.client, *unknown);
    }
  }
}

bool Document::would_wait(const Update& update) const {
  StructFeed feed(update, store_);
  feed.run(nullptr);
  if (feed.has_rest()) return true;
  for (const Update::Section& section : update.deletes) {
    const std::uint32_t state = feed.state(section.client);
    for (std::uint32_t i = 0; i < section.count; ++i) {
      if (update.ranges[section.first + i].end() > state) return true;
    }
  }
  return false;
}

std::string Document::encode_known(const StateVector& since) const {
  ByteWriter sections;
  std::uint64_t count = 0;
  for (const Client* client : ordered(store_)) {
    const auto known = since.find(client->id);
    const std::uint64_t from = known == since.end() ? 0 : known->second;
    if (from >= client->state) continue;
    ++count;
    const auto first = static_cast<std::uint32_t>(from);
    auto p = client->structs.find(first);
    sections.var_uint(client->structs.count_from(p));
    sections.var_uint(client->id);
    sections.var_uint(first);
    for (; !client->structs.is_end(p); p = client->structs.next(p)) {
      const Item& item = store_.item(client->structs.at(p).item);
      const std::uint32_t offset = std::max(first, item.id.clock) - item.id.clock;
      write_struct(sections, client->id, store_.to_struct(item), offset);
    }
  }
  ByteWriter out;
  out.var_uint(count);
  out.bytes(sections.take());
  write_delete_set(out, store_.deleted());
  return out.take();
}

std::string Document::encode_state(const StateVector& since) const {
  std::string known = encode_known(since);
  if (!has_pending()) return known;
  ByteWriter deletes;
  deletes.var_uint(0);
  write_delete_set(deletes, waiting_deletes_.delete_set());
  const std::string deletes_update = deletes.take();
  std::string storage;
  const std::string waiting_beyond = diff_update(waiting_.as_update(storage), since);
  std::vector<Update> parts(3);
  decode_update(known, parts[0], kNoBudget);
  decode_update(deletes_update, parts[1], kNoBudget);
  decode_update(waiting_beyond, parts[2], kNoBudget);
  return merge_updates(parts);
}

std::string Document::encode_state_vector() const {
  const auto clients = ordered(store_);
  ByteWriter out;
  out.var_uint(clients.size());
  for (const Client* client : clients) {
    out.var_uint(client->id);
    out.var_uint(client->state);
  }
  return out.take();
}

}  // namespace stator::crdt
