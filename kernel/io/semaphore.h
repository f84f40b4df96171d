// A counting semaphore of POSIX: one system call for who posts and one for who sleeps, and no mutex
// is touched by a thread that wakes up, as it is behind a condition variable.
#pragma once

#include <cerrno>
#include <semaphore.h>

#include "base/assert.h"

namespace stator::io {

// Any thread.
class Semaphore {
 public:
  Semaphore() { STATOR_ASSERT(sem_init(&semaphore_, 0, 0) == 0); }
  ~Semaphore() { sem_destroy(&semaphore_); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  void post() { STATOR_ASSERT(sem_post(&semaphore_) == 0); }
  // Sleeps until there was a post() for it.
  void wait() {
    while (sem_wait(&semaphore_) != 0) STATOR_ASSERT(errno == EINTR);
  }

 private:
  sem_t semaphore_;
};

}  // namespace stator::io
