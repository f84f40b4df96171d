#include "data/host/tenant_memory.h"

namespace stator::host {

void TenantMemory::change(TenantId tenant, Held& held, std::int64_t bytes) {
  held.now += bytes;
  if (!held.is_news) news_.push_back(tenant);
  held.is_news = true;
}

void TenantMemory::tell(const Tell& tell) {
  for (const TenantId tenant : news_) {
    const auto at = tenants_.find(tenant);
    Held& held = at->second;
    if (held.now != held.told && tell) tell(tenant, held.now - held.told);
    held.told = held.now;
    held.is_news = false;
    if (held.now == 0) tenants_.erase(at);
  }
  news_.clear();
}

}  // namespace stator::host
