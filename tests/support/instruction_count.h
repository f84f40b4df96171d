// Instructions that a piece of code executes, exactly: a child runs it while we step through it
// with ptrace. Needs no hardware counter, and gives the same number whatever else the machine does.
// Under a sanitizer it says nothing of the code.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stator::test {

// Between two stops of the child, the stops' own instructions included. Nothing: we may not trace here.
inline std::optional<std::uint64_t> stepped(const std::function<void()>& code) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    raise(SIGSTOP);
    code();
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) return std::nullopt;
  std::uint64_t steps = 0;
  for (;; ++steps) {
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) break;
  }
  const bool is_whole = WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
  if (!WIFEXITED(status)) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  return is_whole ? std::optional(steps) : std::nullopt;
}

// Of one run of `code`, which ran before so that it is warm.
inline std::optional<std::uint64_t> count_instructions(const std::function<void()>& code) {
  code();
  const auto once = stepped(code);
  const auto nothing = stepped([] {});
  if (!once || !nothing) return std::nullopt;
  return *once - *nothing;
}

}  // namespace stator::test
