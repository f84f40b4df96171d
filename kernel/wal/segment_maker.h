// Makes the file of the next segment ahead of need, on a thread of its own: out of one that the log
// no longer needs (docs/adr/0016-recycled-segments.md), or new.
//
// The blocks of a new one are written with zeros: a commit then overwrites blocks that the file
// system knows, so a durable write of it carries no metadata (research/kernel-ceilings 7: 172 us
// instead of 313 us for blocks that were only reserved), and cannot run out of space. The file is
// called kNextSegmentName until its owner gives it a header and a name.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_role.h"
#include "io/file_system.h"
#include "io/thread.h"

namespace stator::wal {

class SegmentMaker {
 public:
  // Segments of `full_bytes` are kept for later. Without `is_ahead`, prepare() does nothing: tests
  // count what happens to the disk.
  SegmentMaker(io::FileSystem& files, std::string directory, std::size_t full_bytes, bool is_ahead);
  ~SegmentMaker();
  SegmentMaker(const SegmentMaker&) = delete;
  SegmentMaker& operator=(const SegmentMaker&) = delete;

  // Before everything else. What an earlier run kept is removed: after a crash such a file may
  // still be a segment under another name. So is what a cut that was broken off left.
  Status begin() STATOR_ON(log_writer);
  const std::string& path() const { return path_; }
  // Begins to make one of `bytes`, if none is ready or being made. Never waits. Once it failed it is
  // not tried again before the next take().
  void prepare(std::size_t bytes) STATOR_ON(log_writer);
  // Until path() is a file of `bytes` or more: the one that is ready, or one made now. Its size.
  // The file is the caller's. kDiskFull: nothing is left behind.
  Result<std::size_t> take(std::size_t bytes) STATOR_ON(log_writer);
  // Removes what is kept. Not while a file is being made. False: nothing was, or it cannot be.
  bool drop_kept() STATOR_ON(log_writer);
  // Of a segment that the log no longer needs: keeps its file for later if it may, or removes it.
  // Its name is gone, also after a power cut, when this returns ok.
  Status take_over(const std::string& segment, bool may_keep) STATOR_ON(log_writer);

 private:
  enum class State { kNone, kWanted, kMaking, kReady, kFailed };
  void run() STATOR_ON(background);
  Status make(std::size_t bytes);
  Status make_new(std::size_t bytes);
  // Whether path_ is a file that was kept.
  Result<bool> take_kept(std::size_t bytes);
  // What is kept is called so.
  std::vector<std::string> kept_paths() const;

  io::FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  const std::size_t full_bytes_;
  const bool is_ahead_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::kNone;
  std::size_t bytes_ = 0;  // of the file that is wanted, being made or ready
  bool is_stopping_ = false;

  io::Thread thread_;
};

}  // namespace stator::wal
