#include "data/core/work_list.h"

#include <algorithm>
#include <utility>

namespace stator::core {

void WorkList::wake(std::uint32_t engine, TenantId tenant, ByteView collection,
                    std::uint64_t at_ms) {
  // Not before others that wait already: one that always wakes itself leaves them their turns.
  at_ms = std::max(at_ms, now_ms_);
  auto found = entries_.find(View(engine, tenant.value(), collection));
  if (found != entries_.end() && found->second.turn != 0) {
    if (found->second.at_ms <= at_ms) return;
    due_.erase({found->second.at_ms, found->second.turn, nullptr});
  }
  if (found == entries_.end()) {
    found = entries_.emplace(Key(engine, tenant.value(), collection), Entry()).first;
  }
  found->second.at_ms = at_ms;
  found->second.turn = ++turns_;
  due_.insert({found->second.at_ms, found->second.turn, &*found});
}

bool WorkList::take(Place& place) {
  if (due_.empty() || due_.begin()->at_ms > now_ms_) return false;
  Entries::value_type& entry = *due_.begin()->entry;
  due_.erase(due_.begin());
  entry.second.turn = 0;
  place = {std::get<0>(entry.first), TenantId{std::get<1>(entry.first)}, std::get<2>(entry.first)};
  return true;
}

void WorkList::set_refusal(const Place& place, Refusal refusal) {
  const auto found = entries_.find(View(place.engine, place.tenant.value(), place.collection));
  if (found == entries_.end()) return;  // all was opened anew meanwhile
  found->second.refusal = std::move(refusal);
  const bool is_over = found->second.turn == 0 && found->second.refusal.code == ErrorCode::kOk;
  if (is_over) entries_.erase(found);
}

const WorkList::Refusal& WorkList::refusal(std::uint32_t engine, TenantId tenant,
                                           ByteView collection) const {
  static const Refusal kNone;
  const auto found = entries_.find(View(engine, tenant.value(), collection));
  return found == entries_.end() ? kNone : found->second.refusal;
}

void WorkList::forget(TenantId tenant) {
  std::erase_if(due_, [&](const Due& due) { return std::get<1>(due.entry->first) == tenant.value(); });
  std::erase_if(entries_, [&](const Entries::value_type& entry) {
    return std::get<1>(entry.first) == tenant.value();
  });
}

void WorkList::clear() {
  due_.clear();
  entries_.clear();
}

}  // namespace stator::core
