#include "control/session/held_answers.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/assert.h"
#include "control/session/response_writer.h"
#include "control/wire/frame.h"

namespace stator::session {

namespace {

// A connection that rests keeps no more.
constexpr std::size_t kKeepBytes = 16 * 1024;
constexpr std::size_t kKeepHeld = 128;

// The digits of the watermark in the body of an answer. The last place that looks like it: a
// payload, which may hold the same text, stands before it, and behind it quotes are escaped.
ByteView watermark_in(ByteView body) {
  constexpr ByteView kName = R"(,"watermark_lsn":)";
  const std::size_t at = body.rfind(kName);
  STATOR_ASSERT(at != ByteView::npos);
  const ByteView rest = body.substr(at + kName.size());
  return rest.substr(0, rest.find(','));
}

// Frames that were written when more was about to become durable than `most`.
void append_promising(ByteView frames, Lsn most, ByteBuffer& out) {
  while (!frames.empty()) {
    const wire::Frame frame = wire::next_frame(frames, frames.size());
    STATOR_ASSERT(frame.state == wire::FrameState::kWhole);
    const ByteView digits = watermark_in(frame.body);
    std::uint64_t promised = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), promised);
    if (promised <= most.value()) {
      out.append(frames.substr(0, frame.bytes));
    } else {
      const std::string less = std::to_string(most.value());
      const auto before = static_cast<std::size_t>(digits.data() - frame.body.data());
      char prefix[wire::kPrefixBytes];
      store_big32(prefix,
                  static_cast<std::uint32_t>(frame.body.size() - digits.size() + less.size()));
      out.append({prefix, sizeof prefix});
      out.append(frame.body.substr(0, before));
      out.append(less);
      out.append(frame.body.substr(before + digits.size()));
    }
    frames.remove_prefix(frame.bytes);
  }
}

}  // namespace

void HeldAnswers::hold(bridge::Task& task, std::size_t begin) {
  newest_ = std::max(newest_, task.answer_after);
  held_.push_back({task.answer_after, moved_ + begin, moved_ + frames_.size(), task.request_id,
                   task.arrived_ns, task.deadline_ns, task.entry, task.code,
                   std::exchange(task.open_count, nullptr)});
}

void HeldAnswers::move_to(ByteBuffer& out) {
  if (first_ < held_.size()) {
    const std::size_t bytes = held_[first_].begin - moved_;
    if (bytes == 0) return;
    out.append(frames_.view().substr(0, bytes));
    frames_.consume(bytes);
    moved_ += bytes;
    return;
  }
  held_.capacity() > kKeepHeld ? std::vector<Held>().swap(held_) : held_.clear();
  first_ = 0;
  moved_ += frames_.size();
  if (out.empty()) {
    std::swap(out, frames_);
  } else {
    out.append(frames_.view());
  }
  frames_.rest(kKeepBytes);
}

void HeldAnswers::refuse_if(const std::function<bool(const Held&)>& is_chosen, const Error& error,
                            Lsn watermark) {
  const ByteBuffer old = std::exchange(frames_, ByteBuffer());
  const std::uint64_t old_end = moved_ + old.size();
  bridge::Task refused;
  refused.refuse(error);
  newest_ = watermark;
  std::uint64_t from = moved_;
  for (std::size_t i = first_; i < held_.size(); ++i) {
    Held& held = held_[i];
    append_promising(part(old, from, held.begin), newest_, frames_);
    const std::uint64_t begin = moved_ + frames_.size();
    if (is_chosen(held)) {
      refused.request_id = held.request_id;
      write_response(refused, newest_, frames_);
      held.code = error.code();
      held.after = Lsn{};
    } else {
      newest_ = std::max(newest_, held.after);
      append_promising(part(old, held.begin, held.end), newest_, frames_);
    }
    from = held.end;
    held.begin = begin;
    held.end = moved_ + frames_.size();
  }
  append_promising(part(old, from, old_end), newest_, frames_);
}

std::uint64_t HeldAnswers::first_deadline_ns() const {
  std::uint64_t first = 0;
  for (std::size_t i = first_; i < held_.size(); ++i) {
    if (held_[i].after == Lsn{}) continue;
    if (first == 0 || held_[i].deadline_ns < first) first = held_[i].deadline_ns;
  }
  return first;
}

std::size_t HeldAnswers::forget() {
  const std::size_t count = held_.size() - first_;
  for (std::size_t i = first_; i < held_.size(); ++i) {
    if (held_[i].open_count != nullptr)
      held_[i].open_count->fetch_sub(1, std::memory_order_relaxed);
  }
  held_.clear();
  first_ = 0;
  frames_.release();
  return count;
}

}  // namespace stator::session
