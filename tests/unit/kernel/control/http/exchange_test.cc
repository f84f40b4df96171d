// A whole HTTP connection without a socket: bytes in, bytes out, a clock and a desk that the test plays.
#include "control/http/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "control/session/session_ops.h"

namespace stator::http {
namespace {

using bridge::Task;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Makes one part of what it is given, and waits to be asked for more.
class PlayedDesk final : public session::StreamDesk {
 public:
  Status check(const Task&) const override { return ok_status(); }
  Status open(Task& task) override {
    task.stream = 1;
    give(task, "1");
    return ok_status();
  }
  void more(Task& task) override { asked = &task; }
  void close(Task&) override { asked = nullptr; }
  static void give(Task& task, const std::string& json) {
    task.is_partial = true;
    task.payload.append(json);
    task.frame_ends.push_back(static_cast<std::uint32_t>(task.payload.size()));
  }
  Task* asked = nullptr;
};

class ExchangeTest : public testing::Test {
 protected:
  ExchangeTest() {
    stats_.log = [] { return session::LogFacts{Lsn{}, Lsn{}, "ok"}; };
    stats_.table = &table_;
  }
  session::SessionHost make_host() {
    session::SessionHost host;
    host.table = &table_;
    host.pool = &pool_;
    host.policy = &policy_;
    host.changes = &desk_;
    host.watermark = [] { return Lsn{9}; };
    return host;
  }
  // What is answered to these bytes, and to those that waited before.
  std::string say(const std::string& bytes) {
    waiting_ += bytes;
    waiting_.erase(0, exchange_.on_bytes(waiting_, now_));
    return sent();
  }
  std::string sent() {
    std::string out(session_.output().view());
    session_.output().clear();
    return out;
  }
  static std::string post(const std::string& op, const std::string& body, const std::string& fields = "") {
    return "POST /v1/ops/" + op + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + fields +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::uint64_t overdue() const { return exchange_.overdue_ns(now_); }

  auth::PolicyBook policy_;
  plugin::Catalog catalog_;
  ops::OpTable table_ = ops::OpTable::build(catalog_, session::session_rows()).take();
  bridge::TaskPool pool_;
  PlayedDesk desk_;
  session::SessionHost host_ = make_host();
  session::StatsSources stats_;
  Front front_{{}, stats_};
  std::uint64_t now_ = 1'000'000'000;
  session::Session session_{host_, 0, 1};
  Exchange exchange_{front_, session_, now_};
  std::string waiting_;
};

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr const char* kHealth = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(ExchangeTest, AnswersARequestAsAResponse) {
  const std::string answer = say(post("ping", "{}"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Request-Id: 1\r\n"));
  const std::string body = R"({"request_id":1,"status":"ok","watermark_lsn":9,"error_code":null})";
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n" + body));
  EXPECT_FALSE(exchange_.is_closing());
}

TEST_F(ExchangeTest, TakesBytesOneByOne) {
  const std::string bytes = post("ping", "{}") + post("nonsense", "{}");
  std::string all;
  for (const char c : bytes) all += say(std::string(1, c));
  EXPECT_THAT(all, HasSubstr("\"request_id\":1,\"status\":\"ok\""));
  EXPECT_THAT(all, HasSubstr("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(all, HasSubstr("\"request_id\":2,\"status\":\"error\""));
}

TEST_F(ExchangeTest, AHeadHasItsTimeFromItsFirstByteOn) {
  EXPECT_EQ(overdue(), now_ + std::uint64_t{kHttpIdleTimeoutMs} * 1'000'000);
  EXPECT_EQ(exchange_.ending(), bridge::Ending::kIdle);
  say("GET /healthz HT");
  const std::uint64_t limit = now_ + std::uint64_t{kHttpHeadTimeoutMs} * 1'000'000;
  EXPECT_EQ(overdue(), limit);
  EXPECT_EQ(exchange_.ending(), bridge::Ending::kSlowRequest);
  now_ += 9 * kSecond;
  say("TP/1.1\r\nHost: localhost\r\nX: a\r\n");
  EXPECT_EQ(overdue(), limit) << "further lines do not buy more";
  EXPECT_THAT(say("\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(overdue(), now_ + std::uint64_t{kHttpIdleTimeoutMs} * 1'000'000);
}

TEST_F(ExchangeTest, ABodyHasItsTimeFromItsHeadOn) {
  const std::string request = post("ping", "{  }");
  say(request.substr(0, request.size() - 3));
  const std::uint64_t limit = now_ + std::uint64_t{kBodyTimeoutMs} * 1'000'000;
  EXPECT_EQ(overdue(), limit);
  EXPECT_EQ(exchange_.ending(), bridge::Ending::kSlowRequest);
  now_ += 20 * kSecond;
  say(" ");
  EXPECT_EQ(overdue(), limit);
  EXPECT_THAT(say(" }"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ExchangeTest, ABodyThatTakesTooMuchRoomIsRefusedAndItsMemoryFreed) {
  EXPECT_EQ(exchange_.incoming_since_ns(), 0u);
  const std::string request = post("ping", "{" + std::string(50'000, ' ') + "}");
  say(request.substr(0, 40'000));
  EXPECT_EQ(exchange_.incoming_since_ns(), now_);
  EXPECT_GE(exchange_.incoming_bytes(), 39'000u);
  exchange_.give_up_incoming(Error(ErrorCode::kBusy, "no room").with_retry_after(1500));
  const std::string answer = sent();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 2\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(exchange_.incoming_bytes(), 0u);
  EXPECT_EQ(exchange_.incoming_since_ns(), 0u);
  EXPECT_TRUE(exchange_.lingers());
}

TEST_F(ExchangeTest, WhatIsRefusedBeforeItIsReadIsDroppedForAWhile) {
  EXPECT_THAT(say("POST /v1/ops/ping HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n12"),
              StartsWith("HTTP/1.1 415 "));
  EXPECT_TRUE(exchange_.is_closing());
  EXPECT_TRUE(exchange_.lingers());
  EXPECT_EQ(overdue(), now_ + std::uint64_t{kHttpLingerMs} * 1'000'000);
  EXPECT_THAT(say(kHealth), IsEmpty()) << "nothing is a request any more";
  EXPECT_THAT(waiting_, IsEmpty());
}

TEST_F(ExchangeTest, AForeignPageOrNameReachesNothing) {
  const std::string body = post("ping", "{}", "Origin: https://evil.example\r\n");
  EXPECT_THAT(say(body), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(host_.requests, 0u);
}

TEST_F(ExchangeTest, AStrangeNameReachesNothing) {
  EXPECT_THAT(say("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(host_.requests, 0u);
}

TEST_F(ExchangeTest, PermitsABodyThatAsksFirst) {
  const std::string request = post("ping", "{}", "Expect: 100-continue\r\n");
  EXPECT_EQ(say(request.substr(0, request.size() - 2)), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(say("{}"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ExchangeTest, AHeadRequestGetsNoBody) {
  const std::string answer = say("HEAD /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 15\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  EXPECT_THAT(say(kHealth), EndsWith(R"({"status":"ok"})")) << "the next one does";
}

TEST_F(ExchangeTest, SaysWhyItIsNotReady) {
  stats_.log = [] { return session::LogFacts{Lsn{}, Lsn{}, "failed"}; };
  const std::string answer = say("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, EndsWith(R"({"status":"not ready","reasons":["the log is failed"]})"));
}

TEST_F(ExchangeTest, TheNextRequestWaitsForTheAnswer) {
  const std::string first = say(post("subscribe", "{}"));
  EXPECT_THAT(first, HasSubstr("\r\nContent-Type: application/x-ndjson\r\n"));
  EXPECT_THAT(say(kHealth), IsEmpty());
  EXPECT_EQ(waiting_, kHealth);
  EXPECT_EQ(overdue(), 0u) << "a stream has no end";
}

TEST_F(ExchangeTest, AStreamIsAChunkForEachPart) {
  const std::string first = say(post("subscribe", "{}"));
  EXPECT_THAT(first, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(first, Not(HasSubstr("Content-Length")));
  const auto chunk = [](const std::string& status, const std::string& payload) {
    const std::string line = R"({"request_id":1,"status":")" + status + R"(","payload":)" + payload +
                             ",\"watermark_lsn\":9,\"error_code\":null}\n";
    char size[8];
    std::snprintf(size, sizeof size, "%zx", line.size());
    return size + ("\r\n" + line) + "\r\n";
  };
  EXPECT_THAT(first, EndsWith("\r\n\r\n" + chunk("partial", "1")));
  PlayedDesk::give(*desk_.asked, "[2,\n\r3]");
  session_.on_answer(desk_.asked);
  EXPECT_EQ(sent(), chunk("partial", "[2,  3]")) << "one line, whatever the engine wrote";
  session_.end_of_input();
  EXPECT_THAT(sent(), testing::AllOf(HasSubstr(R"("error_code":"cancelled")"), EndsWith("\n\r\n0\r\n\r\n")));
}

TEST_F(ExchangeTest, AStreamMayBeEvents) {
  const std::string first = say(post("subscribe", "{}", "Accept: text/event-stream\r\n"));
  EXPECT_THAT(first, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_THAT(first, HasSubstr("\r\ndata: {\"request_id\":1,"));
  EXPECT_THAT(first, EndsWith("}\n\n\r\n"));
  session_.end_streams_at_stop();
  EXPECT_THAT(sent(), HasSubstr("\r\nevent: end\ndata: {"));
}

TEST_F(ExchangeTest, AnEventStreamThatIsSilentSaysSo) {
  say("GET /v1/changes?from_lsn=10 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  exchange_.beat(now_, true);
  EXPECT_EQ(sent(), "") << "it has just spoken";
  exchange_.beat(now_ += 14 * kSecond, true);
  EXPECT_EQ(sent(), "");
  exchange_.beat(now_ += kSecond, true);
  EXPECT_EQ(sent(), "3\r\n:\n\n\r\n");
  exchange_.beat(now_ += 14 * kSecond, true);
  EXPECT_EQ(sent(), "");
  exchange_.beat(now_ += kSecond, true);
  EXPECT_NE(session_.output().size(), 0u);
  const std::size_t unread = session_.output().size();
  exchange_.beat(now_ += 100 * kSecond, true);
  EXPECT_EQ(session_.output().size(), unread) << "nothing is piled up for who does not read";
}

TEST_F(ExchangeTest, OthersThanEventStreamsAreSilent) {
  say(post("subscribe", "{}"));
  exchange_.beat(now_ += 100 * kSecond, true);
  exchange_.beat(now_ += 100 * kSecond, true);
  EXPECT_EQ(sent(), "");
}

TEST_F(ExchangeTest, WhatAnEventSourceAsksForIsReadStrictly) {
  const auto ask = [&](const std::string& query, const std::string& fields) {
    return say("GET /v1/changes" + query + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
  };
  EXPECT_THAT(ask("?colection=a", ""), testing::AllOf(StartsWith("HTTP/1.1 400 "),
                                                      HasSubstr("unknown parameter 'colection'"),
                                                      HasSubstr(R"("field":"colection")")));
  EXPECT_THAT(ask("", "Last-Event-ID: x\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr(R"("field":"last-event-id")")));
  EXPECT_THAT(say("HEAD /v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("", "Last-Event-ID: 9\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("text/event-stream"),
                             HasSubstr("retry: 1000\n")));
}

TEST_F(ExchangeTest, BecomesAWebSocket) {
  const std::string upgrade =
      "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  // Masked with zeros: {"op":"ping"}
  EXPECT_THAT(say(upgrade + "\x81\x8d" + std::string(4, '\0') + R"({"op":"ping"})"),
              testing::AllOf(StartsWith("HTTP/1.1 101 Switching Protocols\r\n"),
                             EndsWith("\x81\x42" R"({"request_id":1,"status":"ok","watermark_lsn":9,"error_code":null})")));
  EXPECT_EQ(overdue(), now_ + std::uint64_t{kIdleTimeoutMs} * 1'000'000);
  say("\x81\x8d" + std::string(4, '\0') + "{");
  EXPECT_EQ(overdue(), now_ + std::uint64_t{kBodyTimeoutMs} * 1'000'000) << "a message is begun";
  EXPECT_EQ(exchange_.ending(), bridge::Ending::kSlowRequest);
  EXPECT_FALSE(exchange_.is_closing());
  say(R"("op":"ping"})" "\x88\x80" + std::string(4, '\0'));
  EXPECT_TRUE(exchange_.is_closing());
}

TEST_F(ExchangeTest, AMessageThatTakesTooMuchRoomIsRefusedToo) {
  say("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  // A message of 40 000 bytes, masked with zeros, of which half comes.
  say(std::string("\x81\xfe\x9c\x40\0\0\0\0", 8) + std::string(20'000, ' '));
  EXPECT_EQ(exchange_.incoming_since_ns(), now_);
  EXPECT_GE(exchange_.incoming_bytes(), 20'000u);
  exchange_.give_up_incoming(Error(ErrorCode::kBusy, "no room"));
  EXPECT_EQ(sent(), std::string("\x88\x02\x03\xf5", 4)) << "close, 1013";
  EXPECT_TRUE(exchange_.is_closing());
}

class ExchangePingTest : public ExchangeTest {
 protected:
  void SetUp() override {
    say("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  }
  void subscribe() {
    // Masked with zeros.
    const std::string body = R"({"op":"subscribe"})";
    const std::string head = {'\x81', static_cast<char>(0x80 | body.size()), 0, 0, 0, 0};
    EXPECT_THAT(say(head + body), HasSubstr(R"("status":"partial")"));
    exchange_.beat(now_, true);
  }
  std::string sent_after(std::uint64_t seconds, bool is_read = true) {
    exchange_.beat(now_ += seconds * kSecond, is_read);
    return sent();
  }
  const std::string ping_ = std::string("\x89\0", 2);
  const std::string pong_ = std::string("\x8a\x80\0\0\0\0", 6);
};

TEST_F(ExchangePingTest, ASilentClientThatWaitsForSomethingIsAsked) {
  EXPECT_EQ(sent_after(1000), "") << "it waits for nothing";
  subscribe();
  EXPECT_EQ(sent_after(14), "");
  EXPECT_EQ(sent_after(1), ping_);
  say(pong_);
  EXPECT_EQ(sent_after(14), "");
  PlayedDesk::give(*desk_.asked, "[2]");
  session_.on_answer(desk_.asked);
  EXPECT_THAT(sent(), HasSubstr(R"("status":"partial")"));
  EXPECT_EQ(sent_after(1), ping_) << "it was told something, and has said nothing for 15 s";
  EXPECT_EQ(sent_after(14), "");
  EXPECT_EQ(overdue(), 0u);
}

TEST_F(ExchangePingTest, WhoAnswersNoneOfSixIsGone) {
  subscribe();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(sent_after(15), ping_);
  say(pong_);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(sent_after(i == 0 ? 1000 : 15), ping_) << "counted, not timed";
  EXPECT_EQ(overdue(), 0u) << "the last one may still be answered";
  EXPECT_EQ(sent_after(15), ping_);
  EXPECT_EQ(overdue(), 1u);
  EXPECT_EQ(exchange_.ending(), bridge::Ending::kVanished);
}

TEST_F(ExchangePingTest, WhoIsNotReadIsNotCountedAsSilent) {
  subscribe();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sent_after(15, i % 6 != 0), ping_);
  EXPECT_EQ(overdue(), 0u);
}

TEST_F(ExchangePingTest, WhoDoesNotReadIsNotAsked) {
  subscribe();
  exchange_.beat(now_ += 15 * kSecond, true);
  const std::size_t unread = session_.output().size();
  for (int i = 0; i < 20; ++i) exchange_.beat(now_ += 15 * kSecond, true);
  EXPECT_EQ(session_.output().size(), unread);
  EXPECT_EQ(overdue(), 0u);
}

}  // namespace
}  // namespace stator::http
