// How a session has an answer made in parts: by somebody who is not a lane.
#pragma once

#include "base/result.h"
#include "base/thread_role.h"
#include "bridge/task.h"

namespace stator::session {

// One per lane; its thread. A stream is a task that comes and goes: the session asks for the next
// part when the connection has room for it, so a client that does not read stops the one who makes
// them.
class StreamDesk {
 public:
  virtual ~StreamDesk() = default;
  // Whether one could begin, as far as that is known now.
  virtual Status check(const bridge::Task& task) const = 0;
  // Begins the stream that the task asks for. The task stays the caller's and holds the first part.
  virtual Status open(bridge::Task& task) STATOR_ON(lane) = 0;
  // Takes the task over. It comes back with its next part, as soon as there is one, or with the
  // last answer.
  virtual void more(bridge::Task& task) STATOR_ON(lane) = 0;
  // Ends a stream that open() began and that did not come back with its last answer. Wherever the
  // task is, it is the caller's afterwards.
  virtual void close(bridge::Task& task) STATOR_ON(lane) = 0;
};

}  // namespace stator::session
