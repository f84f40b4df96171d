#include "control/http/request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace stator::http {
namespace {

using State = RequestReader::State;
using testing::HasSubstr;

constexpr std::size_t kLimit = 1000;

// A whole request that is offered in pieces of `step` bytes, as a connection does it.
struct Reading {
  explicit Reading(const std::string& bytes, std::size_t step = 1 << 20) {
    std::string waiting;
    for (std::size_t at = 0; at < bytes.size() && !is_over(); at += step) {
      waiting += bytes.substr(at, step);
      for (;;) {
        const bool was_head = reader.state() == State::kHead;
        const std::size_t now = reader.put(waiting);
        waiting.erase(0, now);
        if (was_head && reader.state() == State::kBody) {
          reader.set_body_limit(kLimit);
          continue;
        }
        if (now == 0 || is_over()) break;
      }
    }
    rest = waiting;
  }
  bool is_over() const {
    return reader.state() == State::kDone || reader.state() == State::kBroken;
  }
  int status() const { return reader.state() == State::kBroken ? reader.fault().status : 0; }

  RequestReader reader;
  std::string rest;
};

int status_of(const std::string& bytes) { return Reading(bytes).status(); }

const std::string kHost = "Host: localhost:6480\r\n";

TEST(RequestReaderTest, ReadsARequestHoweverItIsCut) {
  const std::string bytes =
      "POST /v1/ops/ping?x=1 HTTP/1.1\r\n" + kHost +
      "Content-Type: application/json\r\nX-Odd:\t a b \t\r\nContent-Length: 5\r\n\r\n{}\r\n GET";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    const Reading reading(bytes, step);
    ASSERT_EQ(reading.reader.state(), State::kDone)
        << step << " " << reading.reader.fault().sentence;
    const RequestHead& head = reading.reader.head();
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.target, "/v1/ops/ping?x=1");
    EXPECT_EQ(head.field("x-odd"), "a b");
    EXPECT_EQ(head.field("content-type"), "application/json");
    EXPECT_EQ(head.content_length, 5u);
    EXPECT_TRUE(head.keeps_alive);
    EXPECT_EQ(reading.reader.body(), "{}\r\n ");
  }
}

TEST(RequestReaderTest, LeavesWhatBelongsToTheNextRequest) {
  const std::string one = "GET / HTTP/1.1\r\n" + kHost + "\r\n";
  const Reading reading(one + one);
  EXPECT_EQ(reading.reader.state(), State::kDone);
  EXPECT_EQ(reading.rest, one);
}

TEST(RequestReaderTest, ReadsChunksHoweverTheyAreCut) {
  const std::string bytes = "POST / HTTP/1.1\r\n" + kHost +
                            "Transfer-Encoding: chunked\r\n\r\n"
                            "4;name=value\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    const Reading reading(bytes, step);
    ASSERT_EQ(reading.reader.state(), State::kDone)
        << step << " " << reading.reader.fault().sentence;
    EXPECT_EQ(reading.reader.body(), "Wikipedia");
    EXPECT_TRUE(reading.reader.head().field("trailer").empty()) << "a trailer is no field";
  }
}

// Beast asserts what need not be so of its last chunk.
TEST(RequestReaderTest, ReadsAnEmptyChunkedBodyHoweverItIsCut) {
  const std::string bytes =
      "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_EQ(Reading(bytes, step).reader.state(), State::kDone) << step;
  }
}

TEST(RequestReaderTest, SkipsEmptyLinesBeforeARequest) {
  EXPECT_EQ(Reading("\r\n\r\nGET / HTTP/1.1\r\n" + kHost + "\r\n", 1).reader.state(), State::kDone);
}

// Each of these is understood in two ways by two servers one behind the other.
TEST(RequestReaderTest, RefusesWhatTwoReadersCouldReadInTwoWays) {
  const std::string head = "POST / HTTP/1.1\r\n" + kHost;
  const std::string chunked = "\r\n0\r\n\r\n";
  const char* const both_lengths[] = {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"};
  for (const char* fields : both_lengths)
    EXPECT_EQ(status_of(head + fields + chunked), 400) << fields;
  const char* const lengths[] = {"Content-Length: 5\r\nContent-Length: 6\r\n",
                                 "Content-Length: 5\r\nContent-Length: 5\r\n",
                                 "Content-Length: 5, 5\r\n",
                                 "Content-Length: +5\r\n",
                                 "Content-Length: 0x5\r\n",
                                 "Content-Length: -5\r\n",
                                 "Content-Length: 5 5\r\n",
                                 "Content-Length:\r\n",
                                 "Content-Length: 99999999999999999999999\r\n"};
  for (const char* fields : lengths)
    EXPECT_EQ(status_of(head + fields + "\r\nhello"), 400) << fields;
  const char* const encodings[] = {
      "Transfer-Encoding: xchunked\r\n",      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",   "Transfer-Encoding:\r\n"};
  for (const char* fields : encodings) EXPECT_EQ(status_of(head + fields + chunked), 501) << fields;
  EXPECT_EQ(
      status_of(head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + chunked),
      400);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" + chunked), 400);
  const char* const lines[] = {"X: a\r\n b\r\n\r\n",  // obs-fold
                               "X: a\r\n\tb\r\n\r\n",
                               "X: a\rY: b\r\n\r\n",  // bare CR
                               "X: a\nY: b\r\n\r\n",  // bare LF
                               "X : a\r\n\r\n",       // white space before the colon
                               " X: a\r\n\r\n",
                               "X\r\n\r\n",  // no colon
                               ": a\r\n\r\n",
                               "Host: other\r\n\r\n",  // a second host
                               "X\x01: a\r\n\r\n"};
  for (const char* rest : lines) EXPECT_EQ(status_of(head + rest), 400) << rest;
  EXPECT_EQ(status_of(head + "X: a" + std::string(1, '\0') + "b\r\n\r\n"), 400);
}

TEST(RequestReaderTest, RefusesWhatIsNotARequestLine) {
  const char* const lines[] = {"GET  / HTTP/1.1",           "GET / HTTP/1.1 ",
                               " GET / HTTP/1.1",           "GET /a b HTTP/1.1",
                               "G\xc3\xa9T / HTTP/1.1",     "GET http://localhost/ HTTP/1.1",
                               "GET localhost:80 HTTP/1.1", "GET HTTP/1.1"};
  for (const char* line : lines) {
    const int status = status_of(std::string(line) + "\r\n" + kHost + "\r\n");
    EXPECT_TRUE(status == 400 || status == 505)
        << line << ": " << status;  // a space before the version
  }
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\n" + kHost + "\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.2\r\n" + kHost + "\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400) << "no host";
  EXPECT_EQ(status_of(std::string("\0\0\0\x2a{\"op\":\"ping\"}", 17)), 400) << "a frame";
  EXPECT_EQ(status_of("\x16\x03\x01\x02\x00\x01"), 400) << "a TLS handshake";
}

TEST(RequestReaderTest, HoldsTheLimitsOfAHead) {
  const std::string line = "GET / HTTP/1.1\r\n" + kHost;
  EXPECT_EQ(
      status_of("GET /" + std::string(kHttpTargetBytesMax, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n"),
      414);
  EXPECT_EQ(status_of(line + "X: " + std::string(kHttpHeadBytesMax, 'a') + "\r\n\r\n"), 431);
  std::string many = line;
  for (std::size_t i = 0; i < kHttpFieldsMax; ++i) many += "X: a\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
  // In drops, each of them far below the limit, and never ending.
  std::string drops = line;
  for (int i = 0; i < 90; ++i) drops += "X: " + std::string(400, 'a') + "\r\n";
  EXPECT_EQ(Reading(drops, 100).status(), 431);
  EXPECT_EQ(Reading("GET /" + std::string(2 * kHttpHeadBytesMax, 'a'), 100).status(), 431);
}

TEST(RequestReaderTest, HoldsTheLimitOfABody) {
  const std::string head = "POST / HTTP/1.1\r\n" + kHost;
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status_of(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x')), 0);
  EXPECT_EQ(status_of(head + "Content-Length: 1001\r\n\r\n" + std::string(1001, 'x')), 413);
  EXPECT_EQ(status_of(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(status_of(chunked + "3e9\r\n"), 413) << "at its announcement";
  EXPECT_EQ(status_of(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n"), 413);
  EXPECT_EQ(status_of(chunked + "ffffffffffffffff\r\n"), 413);
  EXPECT_EQ(status_of(chunked + "fffffffffffffffff\r\n"), 400);
  const char* const broken[] = {"x\r\n",    "-1\r\n",       "1\r\nxy\r\n", "1 \r\nx\r\n",
                                "1\nx\r\n", "0x1\r\nx\r\n", "\r\n"};
  for (const char* chunk : broken)
    EXPECT_EQ(status_of(chunked + chunk + "0\r\n\r\n"), 400) << chunk;
  EXPECT_EQ(Reading(chunked + "1;" + std::string(3 * kHttpHeadBytesMax, 'a'), 100).status(), 400);
  EXPECT_EQ(Reading(chunked + "0\r\nX: " + std::string(3 * kHttpHeadBytesMax, 'a'), 100).status(),
            400);
}

TEST(RequestReaderTest, KnowsWhetherTheConnectionStays) {
  const auto stays = [](const std::string& line, const std::string& fields) {
    return Reading(line + "\r\n" + kHost + fields + "\r\n").reader.head().keeps_alive;
  };
  EXPECT_TRUE(stays("GET / HTTP/1.1", ""));
  EXPECT_FALSE(stays("GET / HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(stays("GET / HTTP/1.0", ""));
  EXPECT_TRUE(stays("GET / HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST(RequestHeadTest, FindsTokensInLists) {
  RequestHead head;
  head.fields = {
      {"connection", "keep-alive, Upgrade"}, {"upgrade", "h2c"}, {"upgrade", ",WebSocket ,"}};
  EXPECT_TRUE(head.has_token("connection", "upgrade"));
  EXPECT_TRUE(head.has_token("upgrade", "websocket"));
  EXPECT_FALSE(head.has_token("connection", "close"));
  EXPECT_FALSE(head.has_token("connection", "up"));
}

}  // namespace
}  // namespace stator::http
