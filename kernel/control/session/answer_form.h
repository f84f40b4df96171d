// How the answers of a session become bytes where they are not frames of the native protocol:
// responses of HTTP, messages of WebSocket.
#pragma once

#include <string>

#include "base/byte_buffer.h"
#include "base/ids.h"
#include "bridge/task.h"

namespace stator::session {

// Of one connection; its lane's thread. It is called in the middle of the session's work and must
// not call the session.
class AnswerForm {
 public:
  virtual ~AnswerForm() = default;
  // Appends the last answer of a request. `members`: the answer is an ok frame with these instead
  // of a payload; may be null.
  virtual void last(const bridge::Task& task, const std::string* members, Lsn watermark,
                    ByteBuffer& out) = 0;
  // Appends the parts that the task holds of an answer that goes on.
  virtual void parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out) = 0;
};

}  // namespace stator::session
