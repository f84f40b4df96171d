// How many connections all lanes together have and may have. Threads: any.
#pragma once

#include <atomic>
#include <cstddef>

namespace stator::net {

class ConnectionBudget {
 public:
  explicit ConnectionBudget(std::size_t most) : most_(most) {}
  ConnectionBudget(const ConnectionBudget&) = delete;
  ConnectionBudget& operator=(const ConnectionBudget&) = delete;

  std::size_t most() const { return most_; }
  // Lanes that ask at the same moment may be one too many each: the budget has room for them.
  bool is_used_up() const { return open_.load(std::memory_order_relaxed) >= most_; }
  void opened() { open_.fetch_add(1, std::memory_order_relaxed); }
  void closed() { open_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> open_{0};
};

}  // namespace stator::net
