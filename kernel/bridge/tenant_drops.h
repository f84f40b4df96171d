// Which tenants are being dropped, and how far each lane is with each of them.
//
// A tenant's data is erased by every lane for itself, but not before none of them carries out
// requests of it any more: what one of those wrote then would be left over. So each lane reports,
// and waits for the reports of all (docs/adr/0043-dropped-tenants.md).
//
// Any thread; a mutex, which nobody takes while no tenant is being dropped.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "base/ids.h"

namespace stator::bridge {

class TenantDrops {
 public:
  enum class Stage : std::uint8_t {
    kNone,
    kQuiet,  // the lane carries out nothing of the tenant, and refuses what comes
    kErased  // and holds nothing of it
  };

  // Before lanes run: forgets what others reported. `ring` wakes a lane.
  void start(std::uint32_t lanes, std::function<void(LaneId)> ring);

  // What is stored says that the tenant is being dropped; or that nothing of it is left.
  void begin(TenantId tenant);
  void end(TenantId tenant);

  // Becomes another number with each change. Pairs with it: who sees the number sees the change.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  bool is_empty() const;
  std::vector<TenantId> tenants() const;

  void report(LaneId lane, TenantId tenant, Stage stage);
  bool have_all(TenantId tenant, Stage stage) const;

 private:
  void changed();  // under the lock

  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> version_{1};
  std::map<TenantId, std::vector<Stage>> stages_;  // by lane
  std::uint32_t lanes_ = 1;
  std::function<void(LaneId)> ring_;
};

}  // namespace stator::bridge
