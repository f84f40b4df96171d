// The requests that wait until their lane's base holds what they ask for. The core adds and asks; a
// request leaves when the base has come far enough, when a checkpoint failed, or when its time is
// over.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "bridge/task.h"

namespace stator::core {

class CheckpointWaiters {
 public:
  // `task` is answered with the applied LSN, as text, once the base holds every record up to
  // `up_to`.
  void add(bridge::Task* task, Lsn up_to) { waiting_.push_back({task, up_to}); }
  std::size_t count() const { return waiting_.size(); }

  // Each moves the requests that are done into `answered`; expire() those that were cancelled, too.
  void reach(Lsn applied, std::vector<bridge::Task*>& answered);
  void fail(const Error& error, std::vector<bridge::Task*>& answered);
  void expire(std::uint64_t now_ns, std::vector<bridge::Task*>& answered);
  // Of the first that ends; 0 = none.
  std::uint64_t next_deadline_ns() const;

 private:
  struct Waiting {
    bridge::Task* task;
    Lsn up_to;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace stator::core
