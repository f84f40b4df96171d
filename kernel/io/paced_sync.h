// A sync that leaves the disk to others in between. fdatasync() hands a disk all that is dirty of a
// file at once, and what others write meanwhile waits behind it, a commit of the log for many times
// as long as usual (docs/adr/0062-paced-checkpoints.md).
//
// LMDB syncs in the middle of its commit and has no seam for that. So the program has a fdatasync()
// of its own, which the libraries in it find before the C library's. It is the same but for a
// thread that has a PacedSync.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace stator::io {

// While it lives its thread's fdatasync() writes a file in pieces first, with as much rest behind
// each as it took; after two seconds of that, in all, what is left at once. One a thread, at most.
class PacedSync {
 public:
  // Not, or no longer, once `is_urgent` is set. It outlives this.
  explicit PacedSync(const std::atomic<bool>& is_urgent);
  ~PacedSync();
  PacedSync(const PacedSync&) = delete;
  PacedSync& operator=(const PacedSync&) = delete;

  // So far. What was not dirty of the files counts as well.
  std::uint64_t pieces() const { return pieces_; }

  // Of fdatasync(): false and errno when the disk fails. Who sees that error is the only one who
  // does: the system tells it once.
  bool write_back(int descriptor);

 private:
  const std::atomic<bool>& is_urgent_;
  std::chrono::nanoseconds left_;
  std::uint64_t pieces_ = 0;
};

}  // namespace stator::io
