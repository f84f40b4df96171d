#include "send_lines.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <map>

#include "stator/json_writer.hpp"

#include "answer.h"
#include "failure.h"
#include "request.h"

namespace stator::client {
namespace {

using Clock = std::chrono::steady_clock;

// Requests in flight: enough to hide the way there and back, well below a server's own window.
constexpr std::size_t kWindow = 256;
constexpr std::uint64_t kFaultsShown = 5;
constexpr std::size_t kBarColumns = 30;
constexpr auto kBarInterval = std::chrono::milliseconds(100);

class Sender {
 public:
  Sender(Connection& connection, std::istream& file, const SendOptions& options)
      : connection_(connection), file_(file), options_(options), begin_(Clock::now()) {}

  SendSummary run() {
    try {
      send_all();
      while (!in_flight_.empty()) take_answer();
    } catch (const Failure& fault) {
      summary_.broken = fault.what();
      summary_.failed += in_flight_.size();
    }
    summary_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    if (options_.has_bar) {
      draw_bar();
      options_.err << '\n';
    }
    if (summary_.failed > shown_) {
      options_.err << "stator: " << summary_.failed - shown_ << " more failed\n";
    }
    return summary_;
  }

 private:
  void send_all() {
    std::string line;
    for (std::uint64_t number = 1; std::getline(file_, line); ++number) {
      bytes_done_ += line.size() + 1;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      ++summary_.lines;
      send(line, number);
      while (in_flight_.size() >= kWindow) take_answer();
    }
  }
  void send(const std::string& line, std::uint64_t number) {
    try {
      in_flight_.emplace(connection_.queue(with_json_payload(line)), number);
    } catch (const Failure& fault) {
      // Such a line is not sent; the others are.
      if (fault.exit_code() != kExitUsage) throw;
      fail(number, fault.what());
    }
  }
  void take_answer() {
    const Answer answer = read_answer(connection_.receive());
    if (!answer.is_last()) return;
    auto it = in_flight_.find(answer.request_id);
    // A server that names no request answers in order.
    if (it == in_flight_.end()) it = in_flight_.begin();
    const std::uint64_t number = it->second;
    in_flight_.erase(it);
    if (answer.is_error()) {
      fail(number, answer.sentence());
    } else {
      ++summary_.ok;
    }
    if (options_.has_bar && Clock::now() - drawn_ >= kBarInterval) draw_bar();
  }
  void fail(std::uint64_t number, const std::string& sentence) {
    ++summary_.failed;
    if (shown_ == kFaultsShown) return;
    ++shown_;
    if (options_.has_bar) options_.err << "\r\033[K";
    options_.err << options_.name << ':' << number << ": " << sentence << '\n';
  }
  void draw_bar() {
    drawn_ = Clock::now();
    const double seconds = std::chrono::duration<double>(drawn_ - begin_).count();
    const std::uint64_t done = summary_.ok + summary_.failed;
    options_.err << "\r\033[K";
    if (options_.bytes_total > 0) {
      const std::uint64_t bytes = std::min(bytes_done_, options_.bytes_total);
      const std::size_t filled =
          static_cast<std::size_t>(bytes * kBarColumns / options_.bytes_total);
      options_.err << '[' << std::string(filled, '#') << std::string(kBarColumns - filled, ' ')
                   << "] " << bytes * 100 / options_.bytes_total << "%  ";
    }
    options_.err << done << " requests";
    if (seconds > 0)
      options_.err << ", " << std::llround(static_cast<double>(done) / seconds) << "/s";
    if (summary_.failed > 0) options_.err << ", " << summary_.failed << " failed";
    options_.err.flush();
  }

  Connection& connection_;
  std::istream& file_;
  const SendOptions& options_;
  Clock::time_point begin_;
  Clock::time_point drawn_;
  std::map<std::uint64_t, std::uint64_t> in_flight_;  // request id -> line number
  std::uint64_t bytes_done_ = 0;
  std::uint64_t shown_ = 0;
  SendSummary summary_;
};

}  // namespace

std::string SendSummary::json() const {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("lines", lines)
      .field("ok", ok)
      .field("failed", failed)
      .field("seconds", std::round(seconds * 1000) / 1000)
      .end_object();
  return out.take();
}

SendSummary send_lines(Connection& connection, std::istream& file, const SendOptions& options) {
  return Sender(connection, file, options).run();
}

}  // namespace stator::client
