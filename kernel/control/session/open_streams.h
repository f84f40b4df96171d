// The answers in parts that a session has open (session_streams.cc, session_pages.cc).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/limits.h"
#include "base/result.h"
#include "bridge/task.h"

namespace stator::session {

// One of which the first part was sent.
struct Stream {
  bridge::Task* task;
  bool is_paused = false;  // the client has too much to read; otherwise its next part is made
  // Of pages: lanes have the task; how long each page may take; how much of its arguments the
  // client gave.
  bool is_away = false;
  std::uint64_t page_ns = 0;
  std::size_t args_bytes = 0;
};

struct OpenStreams {
  std::vector<Stream> begun;
  std::size_t pages = 0;    // of these, how many are pages
  std::size_t waiting = 0;  // those whose first part was not sent yet

  Status check_room() const {
    if (begun.size() + waiting < kStreamsPerConnectionMax) return ok_status();
    return Error(
        ErrorCode::kResourcesExhausted,
        "a connection has at most " + std::to_string(kStreamsPerConnectionMax) + " streams open");
  }
  // The stream of that request, which has begun.
  Stream& of(const bridge::Task& task) {
    const auto stream = std::find_if(begun.begin(), begun.end(), [&](const Stream& one) {
      return one.task->request_id == task.request_id;
    });
    STATOR_ASSERT(stream != begun.end());
    return *stream;
  }
};

// Makes an answer that says that there is more a part of a stream. False: it is the last one.
bool take_page(bridge::Task& task);
// Why no stream goes on where the lane stops or stands still.
Error streams_stop();

}  // namespace stator::session
