#include "send_lines.h"

#include <cmath>
#include <map>

#include "stator/json_writer.hpp"

#include "answer.h"
#include "failure.h"
#include "progress_bar.h"
#include "request.h"

namespace stator::client {
namespace {

// Requests in flight: enough to hide the way there and back, well below a server's own window.
constexpr std::size_t kWindow = 256;
constexpr std::uint64_t kFaultsShown = 5;

class Sender {
 public:
  Sender(Connection& connection, std::istream& file, const SendOptions& options)
      : connection_(connection),
        file_(file),
        options_(options),
        bar_(options.err, options.has_bar, options.bytes_total, "requests") {}

  SendSummary run() {
    try {
      send_all();
      while (!in_flight_.empty()) take_answer();
    } catch (const Failure& fault) {
      summary_.broken = fault.what();
      summary_.failed += in_flight_.size();
    }
    summary_.seconds = bar_.seconds();
    bar_.end(state());
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
    bar_.show(state());
  }
  void fail(std::uint64_t number, const std::string& sentence) {
    ++summary_.failed;
    if (shown_ == kFaultsShown) return;
    ++shown_;
    bar_.clear();
    options_.err << options_.name << ':' << number << ": " << sentence << '\n';
  }
  ProgressBar::State state() const {
    return {bytes_done_, summary_.ok + summary_.failed, summary_.failed};
  }

  Connection& connection_;
  std::istream& file_;
  const SendOptions& options_;
  ProgressBar bar_;
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
