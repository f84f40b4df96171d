// Answers that wait for the log: held back as frames, released when what they tell is durable.
#include <algorithm>

#include "control/session/response_writer.h"
#include "control/session/session.h"

namespace stator::session {

using bridge::Task;

void Session::hold(Task* task) {
  if (held_ == nullptr) held_ = std::make_unique<HeldAnswers>();
  if (held_->empty()) host_.holding.push_back(connection_);
  ByteBuffer& frames = held_->frames();
  const std::size_t begin = frames.size();
  // It will be sent when all before it and its own record are durable.
  write_response(*task, std::max({host_.watermark(), task->answer_after, held_->newest()}), frames);
  held_->hold(*task, begin);
  ++host_.held;
  ++in_flight_;  // until it is told
  host_.pool->give_back(task);
}

ByteBuffer& Session::place_of(const Task& task, Lsn& watermark) {
  watermark = own_host().watermark();
  // Nothing that is told later may say that less is durable.
  if (has_held()) release_held(watermark);
  if (!has_held() || !task.client_id.empty()) return output_;
  watermark = std::max(watermark, held_->newest());
  return held_->frames();
}

bool Session::release_held(Lsn durable) {
  const std::size_t before = output_.size();
  held_->release(durable, output_, [this](const HeldAnswers::Held& held) {
    --host_.held;
    --in_flight_;
    if (held.open_count != nullptr) held.open_count->fetch_sub(1, std::memory_order_relaxed);
    note_answer(held.entry, held.code, held.arrived_ns);
  });
  return output_.size() > before;
}

void Session::refuse_held(const Error& error) {
  held_->refuse_if([](const HeldAnswers::Held&) { return true; }, error, host_.watermark());
  release_held(host_.watermark());
}

void Session::refuse_held_at_deadline(std::uint64_t now_ns) {
  held_->refuse_if([now_ns](const HeldAnswers::Held& held) { return held.deadline_ns <= now_ns; },
                   bridge::not_durable_in_time(), host_.watermark());
  release_held(host_.watermark());
}

void Session::note_answer(std::uint32_t entry, ErrorCode code, std::uint64_t arrived_ns) {
  if (code != ErrorCode::kOk) ++host_.errors;
  if (host_.meter == nullptr) return;
  // What is answered at once was there before the answers of this turn.
  host_.meter->note(entry, code, std::max(host_.answered_ns, arrived_ns) - arrived_ns);
}

}  // namespace stator::session
