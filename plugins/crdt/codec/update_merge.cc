#include "codec/update_merge.h"

#include <algorithm>

namespace stator::crdt {
namespace {

struct Source {
  const Update* update;
  const StructRef* ref;
};

// Descending clients; a client's structs by clock, equal clocks in the order of the updates.
using Sources = std::map<std::uint64_t, std::vector<Source>, std::greater<>>;

Sources collect(std::span<const Update> updates) {
  Sources out;
  for (const Update& update : updates) {
    for (const Update::Section& section : update.structs) {
      auto& list = out[section.client];
      for (std::uint32_t i = 0; i < section.count; ++i) {
        const StructRef& ref = update.refs[section.first + i];
        if (ref.kind() != ContentKind::kSkip) list.push_back({&update, &ref});
      }
    }
  }
  for (auto& [client, list] : out) {
    std::stable_sort(list.begin(), list.end(),
                     [](const Source& a, const Source& b) { return a.ref->clock < b.ref->clock; });
  }
  std::erase_if(out, [](const auto& entry) { return entry.second.empty(); });
  return out;
}

// Writes one client's structs from clock `from` on; false if there are none.
bool write_section(ByteWriter& out, std::uint64_t client, const std::vector<Source>& list,
                   std::uint32_t from) {
  ByteWriter structs;
  std::uint64_t count = 0;
  std::uint32_t first = 0;
  std::uint32_t end = from;
  for (const auto& [update, ref] : list) {
    if (ref->end() <= end) continue;
    if (count == 0) {
      end = std::max(from, ref->clock);
      first = end;
    } else if (ref->clock > end) {
      Struct hole;
      hole.kind = ContentKind::kSkip;
      hole.length = ref->clock - end;
      write_struct(structs, client, hole, 0);
      ++count;
      end = ref->clock;
    }
    write_struct(structs, client, read_struct(*update, client, *ref), end - ref->clock);
    ++count;
    end = ref->end();
  }
  if (count == 0) return false;
  out.var_uint(count);
  out.var_uint(client);
  out.var_uint(first);
  out.bytes(structs.take());
  return true;
}

std::string join(std::span<const Update> updates, const StateVector& since) {
  ByteWriter sections;
  std::uint64_t clients = 0;
  for (const auto& [client, list] : collect(updates)) {
    const auto known = since.find(client);
    const std::uint64_t from = known == since.end() ? 0 : std::min(known->second, kClockMax);
    if (write_section(sections, client, list, static_cast<std::uint32_t>(from))) ++clients;
  }
  DeleteSet deletes;
  for (const Update& update : updates) add_deletes(update, deletes);
  for (auto& [client, ranges] : deletes) normalize(ranges);
  ByteWriter out;
  out.var_uint(clients);
  out.bytes(sections.take());
  write_delete_set(out, deletes);
  return out.take();
}

}  // namespace

std::string merge_updates(std::span<const Update> updates) { return join(updates, {}); }

std::string diff_update(const Update& update, const StateVector& since) {
  return join({&update, 1}, since);
}

}  // namespace stator::crdt
