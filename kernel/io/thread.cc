#include "io/thread.h"

#include <csignal>
#include <pthread.h>
#include <utility>

#include "io/crash_report.h"

namespace stator::io {
namespace {

constexpr std::size_t kNameBytesMax = 15;  // pthread_setname_np(3)

// Blocks every signal of the calling thread while it lives; a thread made meanwhile inherits that.
// Signals are the main thread's to wait for; faults stay open, so that a crash handler sees them.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
      sigdelset(&all, fault);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Thread::Thread(const std::string& name, std::function<void()> body) {
  const AllSignalsBlocked blocked;
  thread_ = std::thread([short_name = name.substr(0, kNameBytesMax), run = std::move(body)] {
    pthread_setname_np(pthread_self(), short_name.c_str());
    const SignalStack signals;
    run();
  });
}

Thread::~Thread() { join(); }

void Thread::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace stator::io
