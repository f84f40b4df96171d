#include "server/memory_guard.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>

#include "base/log.h"
#include "base/thread_role.h"

namespace stator::server {
namespace {

// It looks again before a process that allocates this fast can be beyond the limit, and the limit is
// passed by some hundred MB at most; an idle server far below it is looked at once a second.
constexpr std::uint64_t kBytesPerMs = 4u << 20;
constexpr std::uint64_t kIntervalMsMin = 50;
constexpr std::uint64_t kIntervalMsMax = 1000;

std::chrono::milliseconds interval(std::uint64_t used, std::uint64_t limit) {
  const std::uint64_t left = used < limit ? limit - used : 0;
  return std::chrono::milliseconds(std::clamp(left / kBytesPerMs, kIntervalMsMin, kIntervalMsMax));
}

// The number behind "NAME:" in a file like /proc/self/status, in bytes.
std::uint64_t kib_field(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    if (word != name) continue;
    std::uint64_t kib = 0;
    file >> kib;
    return kib * 1024;
  }
  return 0;
}

}  // namespace

std::uint64_t own_memory_bytes() { return kib_field("/proc/self/status", "RssAnon:"); }

std::uint64_t available_memory_bytes() {
  const std::uint64_t machine =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  std::uint64_t cgroup = 0;
  std::ifstream limit("/sys/fs/cgroup/memory.max");  // "max" where there is none
  return limit >> cgroup && cgroup > 0 ? std::min(machine, cgroup) : machine;
}

MemoryGuard::MemoryGuard(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {
  thread_ = io::Thread("memory", [this] {
    const ActsAs role(threads::background);
    run();
  });
}

MemoryGuard::~MemoryGuard() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void MemoryGuard::run() {
  std::unique_lock lock(mutex_);
  std::uint64_t used = own_memory_bytes();
  while (!stopped_.wait_for(lock, interval(used, limit_bytes_), [this] { return is_stopping_; })) {
    const bool was_full = is_full_.load(std::memory_order_relaxed);
    const std::uint64_t threshold = was_full ? limit_bytes_ / 100 * 95 : limit_bytes_;
    used = own_memory_bytes();
    bool is_full = used >= threshold;
    if (is_full) {
      // What was freed may still be held by the allocator.
      malloc_trim(0);
      is_full = own_memory_bytes() >= threshold;
    }
    if (is_full == was_full) continue;
    is_full_.store(is_full, std::memory_order_relaxed);
    log::warn(is_full ? "at the memory limit of " + std::to_string(limit_bytes_ >> 20) +
                            " MiB: writes are refused until memory is free"
                      : std::string("below the memory limit again: writes go on"));
  }
}

}  // namespace stator::server
