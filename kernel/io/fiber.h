// A function that can be left in its middle and gone on with later, on a stack of its own.
//
// Thread: all of a fiber happens on the thread that began it. Boost.Context switches the stacks
// (some 10 ns, no system call); the sanitizers are told.
#pragma once

#include <cstddef>
#include <functional>

namespace stator::io {

class Fiber {
 public:
  // Reserves the stack, in whole pages with a forbidden one below them; memory is used as far as
  // the function goes down. Overflow ends the process there, as that of a thread would.
  explicit Fiber(std::size_t stack_bytes);
  // Not while a function is in its middle.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Begins `body`, which must not throw; returns when it pauses or ends.
  void begin(std::function<void()> body);
  // Goes on where it paused; returns when it pauses again or ends. While is_paused().
  void resume();
  bool is_paused() const { return is_paused_; }

  // [in the body] Returns when resume() is called.
  void pause();

 private:
  void enter();
  void leave(bool is_end);
  friend struct FiberEntry;

  char* memory_;  // the forbidden page, then the stack
  std::size_t stack_bytes_;
  std::function<void()> body_;
  void* inside_ = nullptr;   // where the body goes on
  void* outside_ = nullptr;  // where its caller goes on
  bool is_paused_ = false;

  // Of the sanitizers.
  void* fake_stack_ = nullptr;
  void* caller_fake_stack_ = nullptr;
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_bytes_ = 0;
  void* race_fiber_ = nullptr;
  void* race_caller_ = nullptr;
};

}  // namespace stator::io
