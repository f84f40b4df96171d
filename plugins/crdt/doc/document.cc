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

using Reach = std::unordered_map<std::uint64_t, std::uint32_t, IdHash>;

// What the update itself brings, per client: up to its first hole.
Reach reach(const Update& update, const Store& store) {
  Reach out;
  for (const Update::Section& section : update.structs) {
    std::uint32_t end = store.state(section.client);
    for (std::uint32_t i = 0; i < section.count; ++i) {
      const StructRef& ref = update.refs[section.first + i];
      if (ref.clock > end) break;
      if (ref.kind() != ContentKind::kSkip) end = std::max(end, ref.end());
    }
    out[section.client] = end;
  }
  return out;
}

}  // namespace

void Document::apply(const Update& update) {
  apply_structs(update);
  apply_deletes(update);
  retry_deletes(update);
  if (has_arrived(update)) {
    const std::string waiting = merged_waiting();
    waiting_.clear();
    waiting_structs_ = 0;
    missing_.clear();
    Update again;
    decode_update(waiting, again, kNoBudget);
    apply_structs(again);
    retry_deletes(again);
  }
  if (options_.formatting_cleanup) store_.clean_formatting();
  store_.finish();
}

void Document::apply_structs(const Update& update) {
  StructFeed feed(update, store_);
  feed.run();
  std::string rest = feed.rest();
  if (rest.empty()) return;
  waiting_.push_back(std::move(rest));
  waiting_structs_ += feed.rest_count();
  for (const auto& [client, clock] : feed.missing()) {
    const auto [entry, is_new] = missing_.try_emplace(client, clock);
    if (!is_new) entry->second = std::min(entry->second, clock);
  }
}

void Document::apply_deletes(const Update& update) {
  for (const Update::Section& section : update.deletes) {
    // Ascending, so that a run which is cut to pieces is cut at its near end each time.
    const auto first = update.ranges.begin() + section.first;
    std::vector<ClockRange> ranges(first, first + section.count);
    normalize(ranges);
    for (const ClockRange& range : ranges) {
      const auto unknown = store_.erase_range(section.client, range);
      if (unknown) waiting_deletes_[section.client].push_back(*unknown);
    }
  }
}

// Only of clients that the update is about: for others nothing has changed.
void Document::retry_deletes(const Update& update) {
  if (waiting_deletes_.empty()) return;
  for (const auto* sections : {&update.structs, &update.deletes}) {
    for (const Update::Section& section : *sections) {
      const auto found = waiting_deletes_.find(section.client);
      if (found != waiting_deletes_.end()) retry_deletes(found);
    }
  }
}

void Document::retry_deletes(DeleteSet::iterator waiting) {
  auto& [client, ranges] = *waiting;
  normalize(ranges);
  if (store_.state(client) <= ranges.front().clock) return;
  std::vector<ClockRange> still;
  for (const ClockRange& range : ranges) {
    const auto unknown = store_.erase_range(client, range);
    if (unknown) still.push_back(*unknown);
  }
  if (still.empty()) {
    waiting_deletes_.erase(waiting);
  } else {
    ranges = std::move(still);
  }
}

// Something that was missed came with this update: only a client's own structs advance it.
bool Document::has_arrived(const Update& update) const {
  if (missing_.empty()) return false;
  return std::any_of(update.structs.begin(), update.structs.end(), [&](const auto& section) {
    const auto missed = missing_.find(section.client);
    return missed != missing_.end() && missed->second < store_.state(section.client);
  });
}

std::string Document::merged_waiting() const {
  std::vector<Update> updates(waiting_.size());
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    decode_update(waiting_[i], updates[i], kNoBudget);
  }
  return merge_updates(updates);
}

bool Document::would_wait(const Update& update) const {
  const auto brought = reach(update, store_);
  const auto known = [&](std::uint64_t client) {
    const auto found = brought.find(client);
    return found == brought.end() ? store_.state(client) : found->second;
  };
  for (const Update::Section& section : update.structs) {
    const std::uint32_t state = store_.state(section.client);
    for (std::uint32_t i = 0; i < section.count; ++i) {
      const StructRef& ref = update.refs[section.first + i];
      if (ref.kind() == ContentKind::kSkip || ref.end() <= state) continue;
      if (ref.end() > known(section.client)) return true;
      const auto needed = store_.missing(section.client, read_struct(update, section.client, ref));
      if (needed && needed->clock >= known(needed->client)) return true;
    }
  }
  for (const Update::Section& section : update.deletes) {
    for (std::uint32_t i = 0; i < section.count; ++i) {
      if (update.ranges[section.first + i].end() > known(section.client)) return true;
    }
  }
  return false;
}

std::size_t Document::pending_bytes() const {
  std::size_t bytes = 0;
  for (const std::string& update : waiting_) bytes += update.size();
  for (const auto& [client, ranges] : waiting_deletes_) bytes += ranges.size() * sizeof ranges[0];
  return bytes;
}

std::size_t Document::pending_parts() const {
  std::size_t parts = waiting_structs_;
  for (const auto& [client, ranges] : waiting_deletes_) parts += ranges.size();
  return parts;
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
  write_delete_set(deletes, waiting_deletes_);
  const std::string deletes_update = deletes.take();
  const std::string waiting = merged_waiting();
  Update all_waiting;
  decode_update(waiting, all_waiting, kNoBudget);
  const std::string waiting_beyond = diff_update(all_waiting, since);
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
