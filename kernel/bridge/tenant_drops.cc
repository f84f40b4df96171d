#include "bridge/tenant_drops.h"

#include <algorithm>
#include <utility>

namespace stator::bridge {

void TenantDrops::changed() {
  version_.fetch_add(1, std::memory_order_release);
  if (!ring_) return;
  for (std::uint32_t lane = 0; lane < lanes_; ++lane) ring_(LaneId{lane});
}

void TenantDrops::start(std::uint32_t lanes, std::function<void(LaneId)> ring) {
  const std::lock_guard lock(mutex_);
  lanes_ = lanes;
  ring_ = std::move(ring);
  for (auto& [tenant, stages] : stages_) stages.assign(lanes_, Stage::kNone);
  version_.fetch_add(1, std::memory_order_release);
}

void TenantDrops::begin(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  if (!stages_.try_emplace(tenant, lanes_, Stage::kNone).second) return;
  changed();
}

void TenantDrops::end(TenantId tenant) {
  const std::lock_guard lock(mutex_);
  if (stages_.erase(tenant) != 0) changed();
}

bool TenantDrops::is_empty() const {
  const std::lock_guard lock(mutex_);
  return stages_.empty();
}

std::vector<TenantId> TenantDrops::tenants() const {
  const std::lock_guard lock(mutex_);
  std::vector<TenantId> out;
  for (const auto& [tenant, stages] : stages_) out.push_back(tenant);
  return out;
}

void TenantDrops::report(LaneId lane, TenantId tenant, Stage stage) {
  const std::lock_guard lock(mutex_);
  const auto found = stages_.find(tenant);
  if (found == stages_.end()) return;
  found->second[lane.value()] = stage;
  changed();
}

bool TenantDrops::have_all(TenantId tenant, Stage stage) const {
  const std::lock_guard lock(mutex_);
  const auto found = stages_.find(tenant);
  return found != stages_.end() && std::all_of(found->second.begin(), found->second.end(),
                                               [&](Stage reached) { return reached >= stage; });
}

}  // namespace stator::bridge
