#include "bridge/spsc_ring.h"

#include <boost/lockfree/spsc_queue.hpp>

namespace stator::bridge {

struct SpscRing::Queue {
  explicit Queue(std::size_t slots) : ring(slots) {}
  boost::lockfree::spsc_queue<Task*> ring;
};

SpscRing::SpscRing(std::size_t slots) : queue_(std::make_unique<Queue>(slots)) {}
SpscRing::~SpscRing() = default;

std::size_t SpscRing::push(std::span<Task* const> tasks) {
  return queue_->ring.push(tasks.data(), tasks.size());
}

std::size_t SpscRing::pop(std::span<Task*> into) {
  return queue_->ring.pop(into.data(), into.size());
}

bool SpscRing::empty() const { return queue_->ring.read_available() == 0; }

}  // namespace stator::bridge
