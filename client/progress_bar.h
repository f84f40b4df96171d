// One line on a terminal that says how far a long command is.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace stator::client {

class ProgressBar {
 public:
  // `bytes_total` 0: unknown, then there is no bar but the numbers.
  ProgressBar(std::ostream& err, bool is_shown, std::uint64_t bytes_total, std::string noun)
      : err_(err), is_shown_(is_shown), bytes_total_(bytes_total), noun_(std::move(noun)) {}

  struct State {
    std::uint64_t bytes_done = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
  };
  // Draws it anew, at most ten times a second.
  void show(const State& state);
  // Draws it a last time.
  void end(const State& state);
  // Makes room for a line of text.
  void clear();
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const State& state);

  std::ostream& err_;
  bool is_shown_;
  std::uint64_t bytes_total_;
  std::string noun_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point drawn_;
};

}  // namespace stator::client
