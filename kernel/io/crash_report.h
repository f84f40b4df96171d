// What the process says when it dies of a fault: a line on stderr, and if an engine was running, a
// file that names it. docs/formats/crashes.md
#pragma once

#include <string>
#include <string_view>

namespace stator::io {

// From now on faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT) of any thread write a
// report into `directory`, which is made when it is needed, and then do what they would have done.
// What others send with kill(2) is no fault; exit() inside a call of an engine is one. `directory`
// is at most 4000 bytes, else nothing is reported. Once in the life of a process; later calls
// change the directory alone.
void report_crashes(const std::string& directory);

// exit() runs what was registered last first. Called again when all is made that ends by itself, so
// that none of it is gone when the report is written.
void report_exits();

// The same report of the call that is in flight, by an engine that did not die but cannot go on;
// `what` stands where the signal would. Nothing, where no engine runs.
void report_failure(std::string_view what);

// A stack for signal handlers of this thread, so that the overflow of its own can be told. Where
// there is one already (a sanitizer's) nothing is done.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_ = nullptr;
};

}  // namespace stator::io
