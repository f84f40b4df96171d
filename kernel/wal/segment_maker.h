// Makes the file of the next segment ahead of need, on a thread of its own.
//
// Its blocks are written with zeros: a commit then overwrites blocks that the file system knows, so
// a durable write of it carries no metadata (research/kernel-ceilings 7: 172 us instead of 313 us
// for blocks that were only reserved), and cannot run out of space. The file is called
// kNextSegmentName until its owner gives it a header and a name.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>

#include "base/result.h"
#include "io/file_system.h"
#include "io/thread.h"

namespace stator::wal {

class SegmentMaker {
 public:
  // Without `is_ahead`, prepare() does nothing: tests count what happens to the disk.
  SegmentMaker(io::FileSystem& files, std::string directory, bool is_ahead);
  ~SegmentMaker();
  SegmentMaker(const SegmentMaker&) = delete;
  SegmentMaker& operator=(const SegmentMaker&) = delete;

  const std::string& path() const { return path_; }
  // Begins to make one of `bytes`, if none is ready or being made. Never waits. Once it failed it is
  // not tried again before the next take().
  void prepare(std::size_t bytes);
  // Until path() is a file of `bytes` or more: the one that is ready, or one made now. Its size.
  // The file is the caller's. kDiskFull: nothing is left behind.
  Result<std::size_t> take(std::size_t bytes);

 private:
  enum class State { kNone, kWanted, kMaking, kReady, kFailed };
  void run();
  Status make(std::size_t bytes);

  io::FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  const bool is_ahead_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::kNone;
  std::size_t bytes_ = 0;  // of the file that is wanted, being made or ready
  bool is_stopping_ = false;

  io::Thread thread_;
};

}  // namespace stator::wal
