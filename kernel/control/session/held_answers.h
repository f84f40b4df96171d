// Answers of one connection that may not be sent yet: what they tell is not durable. They are kept
// as the frames that they will be, so that a task is free for the next request while it is still
// warm in the cache: thousands of tasks that wait for the disk are megabytes
// (docs/adr/0035-held-answers.md).
//
// The frames stand in the order of the requests; those behind a held one wait with it.
//
// Thread: the lane's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/byte_buffer.h"
#include "base/error.h"
#include "base/ids.h"
#include "bridge/task.h"

namespace stator::session {

class HeldAnswers {
 public:
  // Of a held answer: what is needed when it is told at last, or refused instead.
  struct Held {
    Lsn after;  // it may be told when this is durable
    std::uint64_t begin;
    std::uint64_t end;  // of its frame, counted from the first that was ever here
    std::uint64_t request_id;
    std::uint64_t arrived_ns;
    std::uint64_t deadline_ns;
    std::uint32_t entry;
    ErrorCode code;
    std::atomic<std::uint64_t>* open_count;  // one less when it is told; may be null
  };

  bool empty() const { return frames_.empty(); }
  // What must be durable before a frame appended now may be sent.
  Lsn newest() const { return newest_; }
  // Frames are appended here: in the order of the requests, held or not, while it is not empty().
  ByteBuffer& frames() { return frames_; }
  // The frame from `begin` (an offset in frames()) to the end is the answer of `task` and is held
  // until task.answer_after is durable. Takes over what the task counts as open.
  void hold(bridge::Task& task, std::size_t begin);

  // Moves to `out` what may be sent when `durable` is durable; tells `told` of every held one among
  // it.
  template <class Told>
  void release(Lsn durable, ByteBuffer& out, Told&& told) {
    for (; first_ < held_.size() && held_[first_].after <= durable; ++first_) told(held_[first_]);
    move_to(out);
  }
  // An error takes the place of every answer that `is_chosen` chooses; it is held no longer. The
  // frames behind it promise only what those that are still held wait for, and `watermark`, what is
  // durable now.
  void refuse_if(const std::function<bool(const Held&)>& is_chosen, const Error& error,
                 Lsn watermark);
  // The earliest deadline of those that are held; 0: none is.
  std::uint64_t first_deadline_ns() const;
  // Nobody will be told: the connection is gone. How many there were.
  std::size_t forget();

 private:
  void move_to(ByteBuffer& out);
  ByteView part(const ByteBuffer& frames, std::uint64_t begin, std::uint64_t end) const {
    return frames.view().substr(begin - moved_, end - begin);
  }

  ByteBuffer frames_;
  std::vector<Held> held_;  // those before first_ were told
  std::size_t first_ = 0;
  std::uint64_t moved_ = 0;  // bytes that were here before frames_
  Lsn newest_;
};

}  // namespace stator::session
