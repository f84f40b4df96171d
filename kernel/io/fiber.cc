#include "io/fiber.h"

#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include <boost/context/detail/fcontext.hpp>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define STATOR_FIBER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define STATOR_FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STATOR_FIBER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define STATOR_FIBER_TSAN 1
#endif
#endif

#ifdef STATOR_FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef STATOR_FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace stator::io {

namespace context = boost::context::detail;

// What Boost.Context calls first on the new stack.
struct FiberEntry {
  static void run(context::transfer_t from) {
    auto* fiber = static_cast<Fiber*>(from.data);
    fiber->outside_ = from.fctx;
#ifdef STATOR_FIBER_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &fiber->caller_stack_, &fiber->caller_stack_bytes_);
#endif
    for (;;) {
      std::exchange(fiber->body_, nullptr)();
      fiber->leave(true);  // comes back when the next body begins
    }
  }
};

Fiber::Fiber(std::size_t stack_bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  stack_bytes_ = (stack_bytes + page - 1) / page * page;
  void* memory = mmap(nullptr, page + stack_bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  STATOR_ASSERT(memory != MAP_FAILED);
  STATOR_ASSERT(mprotect(memory, page, PROT_NONE) == 0);
  memory_ = static_cast<char*>(memory);
  inside_ = context::make_fcontext(memory_ + page + stack_bytes_, stack_bytes_, &FiberEntry::run);
#ifdef STATOR_FIBER_TSAN
  race_fiber_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  STATOR_ASSERT(!is_paused_);
#ifdef STATOR_FIBER_TSAN
  __tsan_destroy_fiber(race_fiber_);
#endif
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  munmap(memory_, page + stack_bytes_);
}

void Fiber::begin(std::function<void()> body) {
  STATOR_ASSERT(!is_paused_ && body);
  body_ = std::move(body);
  enter();
}

void Fiber::resume() {
  STATOR_ASSERT(is_paused_);
  enter();
}

void Fiber::enter() {
  is_paused_ = false;
#ifdef STATOR_FIBER_ASAN
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  __sanitizer_start_switch_fiber(&caller_fake_stack_, memory_ + page, stack_bytes_);
#endif
#ifdef STATOR_FIBER_TSAN
  race_caller_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(race_fiber_, 0);
#endif
  const context::transfer_t back = context::jump_fcontext(inside_, this);
#ifdef STATOR_FIBER_ASAN
  __sanitizer_finish_switch_fiber(caller_fake_stack_, nullptr, nullptr);
#endif
  inside_ = back.fctx;
}

void Fiber::pause() { leave(false); }

void Fiber::leave(bool is_end) {
  is_paused_ = !is_end;
#ifdef STATOR_FIBER_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_, caller_stack_, caller_stack_bytes_);
#endif
#ifdef STATOR_FIBER_TSAN
  __tsan_switch_to_fiber(race_caller_, 0);
#endif
  const context::transfer_t back = context::jump_fcontext(outside_, nullptr);
#ifdef STATOR_FIBER_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &caller_stack_, &caller_stack_bytes_);
#endif
  outside_ = back.fctx;
}

}  // namespace stator::io
