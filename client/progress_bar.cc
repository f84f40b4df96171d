#include "progress_bar.h"

#include <algorithm>
#include <cmath>

namespace stator::client {
namespace {

constexpr std::size_t kBarColumns = 30;
constexpr auto kInterval = std::chrono::milliseconds(100);

}  // namespace

double ProgressBar::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

void ProgressBar::show(const State& state) {
  if (is_shown_ && Clock::now() - drawn_ >= kInterval) draw(state);
}

void ProgressBar::end(const State& state) {
  if (!is_shown_) return;
  draw(state);
  err_ << '\n';
}

void ProgressBar::clear() {
  if (is_shown_) err_ << "\r\033[K";
}

void ProgressBar::draw(const State& state) {
  drawn_ = Clock::now();
  err_ << "\r\033[K";
  if (bytes_total_ > 0) {
    const std::uint64_t bytes = std::min(state.bytes_done, bytes_total_);
    const auto filled = static_cast<std::size_t>(bytes * kBarColumns / bytes_total_);
    err_ << '[' << std::string(filled, '#') << std::string(kBarColumns - filled, ' ') << "] "
         << bytes * 100 / bytes_total_ << "%  ";
  }
  err_ << state.done << ' ' << noun_;
  const double passed = seconds();
  if (passed > 0) err_ << ", " << std::llround(static_cast<double>(state.done) / passed) << "/s";
  if (state.failed > 0) err_ << ", " << state.failed << " failed";
  err_.flush();
}

}  // namespace stator::client
