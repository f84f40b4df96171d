// What engines hold in memory for each tenant on one lane, measured: the heap that their calls take
// and give back. Every call that may change it (open by entry, apply, forget) is about one tenant.
//
// Thread: one at a time, the lane's or who has it stand still.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/ids.h"
#include "io/heap_count.h"

namespace stator::host {

class TenantMemory {
 public:
  using Tell = std::function<void(TenantId, std::int64_t)>;

  void add(TenantId tenant, std::int64_t bytes) {
    if (bytes != 0) change(tenant, tenants_[tenant], bytes);
  }
  // The engines' instances are closed.
  void forget() {
    for (auto& [tenant, held] : tenants_) change(tenant, held, -held.now);
  }
  // Says by how much it has changed since it was told last.
  void tell(const Tell& tell);

 private:
  struct Held {
    std::int64_t now = 0;
    std::int64_t told = 0;
    bool is_news = false;
  };
  void change(TenantId tenant, Held& held, std::int64_t bytes);

  std::map<TenantId, Held> tenants_;
  std::vector<TenantId> news_;
};

// Counts the heap of a call for the tenant.
class HeapScope {
 public:
  HeapScope(TenantMemory& memory, TenantId tenant)
      : memory_(memory), tenant_(tenant), before_(io::heap_bytes_of_thread) {}
  ~HeapScope() { memory_.add(tenant_, io::heap_bytes_of_thread - before_); }
  HeapScope(const HeapScope&) = delete;
  HeapScope& operator=(const HeapScope&) = delete;

 private:
  TenantMemory& memory_;
  const TenantId tenant_;
  const std::int64_t before_;
};

}  // namespace stator::host
