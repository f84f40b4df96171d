// Watches how much memory the process has, so that it says no before the system's OOM killer does:
// at the limit writes are refused (reads go on) until memory is free again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/thread_role.h"
#include "io/thread.h"

namespace stator::server {

// Bytes of memory that belong to this process alone (RssAnon of proc(5)): not the mapped files,
// which the system takes back when it needs to. 0 where it cannot be read.
std::uint64_t own_memory_bytes();
// What the process may have at most: the machine's memory or its cgroup's limit (v2).
std::uint64_t available_memory_bytes();

class MemoryGuard {
 public:
  explicit MemoryGuard(std::uint64_t limit_bytes);
  ~MemoryGuard();
  MemoryGuard(const MemoryGuard&) = delete;
  MemoryGuard& operator=(const MemoryGuard&) = delete;

  // At the limit; false again below 95 % of it. Any thread.
  const std::atomic<bool>& is_full() const { return is_full_; }
  std::uint64_t limit_bytes() const { return limit_bytes_; }

 private:
  void run() STATOR_ON(background);

  const std::uint64_t limit_bytes_;
  std::atomic<bool> is_full_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopping_ = false;
  io::Thread thread_;
};

}  // namespace stator::server
