// What a request costs the real server in steady state: no memory from the heap, few system calls.
// The bounds are gates: a change that allocates or calls more per request fails here.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <vector>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/cost_probe.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

constexpr int kKeys = 64;
constexpr int kPipeline = 16;
constexpr int kWarmBatches = 400;
constexpr int kBatches = 1000;
constexpr double kRequests = double{kBatches} * kPipeline;

constexpr int kWriters = 7;
constexpr std::uint64_t kWarmRounds = 100;
constexpr std::uint64_t kRounds = 500;
// A commit that takes long is not repeated for up to ten seconds: on a machine that does much else
// the lane writes the log seldom.
constexpr int kTriesMax = 20;
// Who was served so long ago is as if he were not there (InlineCommit::kQuietNs).
constexpr std::chrono::milliseconds kQuietTime{10};
using SteadyTime = std::chrono::steady_clock::time_point;

const std::string kPut = R"({"op":"point_put","collection":"c","document_id":"k)";
const std::string kGet = R"({"op":"point_get","collection":"c","document_id":"k)";

struct Costs {
  double allocations;  // per request
  double receives;     // per batch of kPipeline
  double sends;
  double waits;
};

// A server with the probe inside, and one client that sends kPipeline requests at once.
class CostTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer has a heap of its own";
    const std::string path = dir_.path() + "/counters";
    counters_ = make_counters(path);
    ASSERT_NE(counters_, nullptr);
    setenv("STATOR_COST_PROBE", path.c_str(), 1);
    setenv("LD_PRELOAD", in_build("tests/process/libcost_probe.so").c_str(), 1);
    const bool is_started = server_.start();
    unsetenv("LD_PRELOAD");
    ASSERT_TRUE(is_started) << server_.errors();
  }
  void TearDown() override {
    if (counters_ != nullptr) munmap(counters_, sizeof(CostCounters));
  }

  void batch(Client& client, const std::string& head, const std::string& tail) {
    std::string bytes;
    for (int i = 0; i < kPipeline; ++i) {
      const std::string body = head + std::to_string(next_key_++ % kKeys) + tail;
      const auto size = static_cast<char>(body.size());
      ASSERT_LT(body.size(), 128u);
      bytes += std::string("\0\0\0", 3) + size + body;
    }
    client.send_raw(bytes);
    for (int i = 0; i < kPipeline; ++i) {
      const auto answer = client.receive();
      ASSERT_TRUE(answer && answer->find(R"("status":"ok")") != std::string::npos);
    }
  }
  Costs measure(Client& client, const std::string& head, const std::string& tail) {
    for (int i = 0; i < kWarmBatches; ++i) batch(client, head, tail);
    EXPECT_GT(counters_->allocations, 0u);  // it counts at all
    const std::uint64_t before[] = {counters_->allocations, counters_->receives, counters_->sends, counters_->waits};
    for (int i = 0; i < kBatches; ++i) batch(client, head, tail);
    return {static_cast<double>(counters_->allocations - before[0]) / kRequests,
            static_cast<double>(counters_->receives - before[1]) / kBatches,
            static_cast<double>(counters_->sends - before[2]) / kBatches,
            static_cast<double>(counters_->waits - before[3]) / kBatches};
  }
  // How often the lane wrote the log itself.
  struct LaneWrites {
    std::uint64_t writes = 0;
    std::uint64_t quick_rounds = 0;  // that ended within kQuietTime of who was served before them
    std::uint64_t quick_writes = 0;  // in those
  };
  // kWriters clients that write at once, one that asks for `beside` meanwhile, round after round.
  LaneWrites lane_writes(const std::vector<std::string>& beside, Client* subscriber = nullptr,
                         std::uint64_t rounds = kRounds) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i <= kWriters; ++i) clients.push_back(std::make_unique<Client>(server_.port()));
    LaneWrites sum;
    SteadyTime served_at;
    for (std::uint64_t round = 0; round < kWarmRounds + rounds; ++round) {
      const SteadyTime begin = std::chrono::steady_clock::now();
      const std::uint64_t before = counters_->writes;
      run_round(clients, beside);
      const std::uint64_t writes = counters_->writes - before;
      const bool is_quick = std::chrono::steady_clock::now() - served_at < kQuietTime;
      const bool is_served = subscriber == nullptr || receive_all(*subscriber) > 0;
      if (is_served) served_at = begin;
      if (round < kWarmRounds) continue;
      sum.writes += writes;
      if (!is_quick) continue;
      ++sum.quick_rounds;
      sum.quick_writes += writes;
    }
    return sum;
  }
  void run_round(std::vector<std::unique_ptr<Client>>& clients,
                 const std::vector<std::string>& beside) {
    for (int i = 0; i < kWriters; ++i) {
      clients[static_cast<std::size_t>(i)]->send(kPut + std::to_string(i) + R"(","data":{}})");
    }
    for (const std::string& request : beside) clients.back()->send(request);
    const auto is_ok = [](Client& client) {
      const auto answer = client.receive();
      return answer && answer->find(R"("status":"ok")") != std::string::npos;
    };
    for (auto& client : clients) EXPECT_TRUE(is_ok(*client));
    for (std::size_t i = 1; i < beside.size(); ++i) EXPECT_TRUE(is_ok(*clients.back()));
  }
  static int receive_all(Client& subscriber) {
    int received = 0;
    for (; subscriber.has_answer(); ++received) subscriber.receive();
    return received;
  }
  // Where the machine stood still for a while it is as if they were not there.
  void expect_no_lane_writes(const std::vector<std::string>& beside, Client* subscriber = nullptr) {
    LaneWrites sum;
    for (int i = 0; sum.quick_rounds < kRounds && i < kTriesMax; ++i) {
      const LaneWrites more = lane_writes(beside, subscriber);
      sum.quick_rounds += more.quick_rounds;
      sum.quick_writes += more.quick_writes;
    }
    EXPECT_GE(sum.quick_rounds, kRounds / 10);
    EXPECT_LE(sum.quick_writes, sum.quick_rounds / 10) << beside.front();
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev", {"--http-listen", "127.0.0.1:0"}}};
  CostCounters* counters_ = nullptr;
  int next_key_ = 0;
};

TEST_F(CostTest, AReadTakesNoMemoryAndTwoCallsABatch) {
  Client client(server_.port());
  for (int i = 0; i < kKeys / kPipeline; ++i) batch(client, kPut, R"(","data":{"v":"xxxxxxxxxxxxxxxx"}})");
  const Costs costs = measure(client, kGet, R"("})");
  EXPECT_LT(costs.allocations, 0.001);
  // The kernel may hand a batch over in two pieces now and then.
  EXPECT_GE(costs.receives, 1.0);
  EXPECT_LE(costs.receives, 1.1);
  EXPECT_LE(costs.sends, 1.1);
  EXPECT_LE(costs.waits, 1.1);
}

TEST_F(CostTest, ADurableWriteTakesNoMemoryAndTwoCallsABatch) {
  Client client(server_.port());
  const Costs costs = measure(client, kPut, R"(","data":{"v":"xxxxxxxxxxxxxxxx"}})");
  EXPECT_LT(costs.allocations, 0.001);
  EXPECT_GE(costs.receives, 1.0);
  EXPECT_LE(costs.receives, 1.1);
  EXPECT_LE(costs.sends, 1.1);
  // Once more where the log's writer tells the lane that it is durable.
  EXPECT_LE(costs.waits, 2.2);
}

// All of them wait for the log, so the lane writes it: no hand-off to another thread and back.
TEST_F(CostTest, ALaneWhoseClientsOnlyWriteWritesTheLogItself) {
  std::uint64_t most = 0;
  for (int i = 0; most < kRounds / 100 && i < kTriesMax; ++i) {
    most = std::max(most, lane_writes({kPut + R"(8","data":{}})"}).writes);
  }
  EXPECT_GE(most, kRounds / 100);
}

TEST_F(CostTest, BesideWhoIsServedWithoutTheLogTheLaneDoesNotWaitForIt) {
  Client(server_.port()).ask(kPut + R"(8","data":{}})");
  for (const std::string& beside :
       {kGet + R"(8","consistency":"eventual"})", std::string(R"({"op":"ping"})"),
        std::string(R"({"op":"server_stats"})")}) {
    expect_no_lane_writes({beside});
  }
}

// It waits for the log, too, with another request.
TEST_F(CostTest, BesideReadsOfTheSameConnectionNeither) {
  Client(server_.port()).ask(kPut + R"(8","data":{}})");
  expect_no_lane_writes(
      {kPut + R"(9","data":{},"id":1})", kGet + R"(8","consistency":"eventual","id":2})"});
}

// Its parts come after each commit, and none of them waits for the next one.
TEST_F(CostTest, BesideASubscriberNeither) {
  Client subscriber(server_.port());
  subscriber.ask(R"({"op":"subscribe","collection":"c"})");
  expect_no_lane_writes({kPut + R"(8","data":{}})"}, &subscriber);
}

// Each write takes ten milliseconds more. It is tried, more and more seldom.
TEST_F(CostTest, ALaneDoesNotWaitForASlowDisk) {
  server_.kill();
  server_.set_environment({"STATOR_CALLS=late:0", "STATOR_CALLS_BELOW=" + dir_.path(),
                           "STATOR_COST_PROBE=" + dir_.path() + "/counters",
                           "LD_PRELOAD=" + in_build("tests/process/libcost_probe.so") + ":" +
                               in_build("tests/libfaulty_calls.so")});
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_LE(lane_writes({kPut + R"(8","data":{}})"}, nullptr, 100).writes, 20u);
}

class HttpCommitTest : public CostTest, public testing::WithParamInterface<int> {};

// Each request is begun when the one before is answered. Who comes meanwhile waits for one commit:
// more would be written between two looks at the sockets.
TEST_P(HttpCommitTest, ALaneWritesTheLogOnceATurnForPipelines) {
  constexpr std::uint64_t kBatchesOfHttp = 100;
  const std::string end = R"("error_code":null})";
  const std::string body = R"({"document_id":"a","data":{}})";
  const std::string post =
      "POST /v1/ops/point_put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string batch;
  for (int i = 0; i < kPipeline; ++i) batch += post;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < GetParam(); ++i)
    clients.push_back(std::make_unique<Client>(server_.http_port()));
  constexpr std::uint64_t kPipelined = 4;  // more than the first of each pipeline alone
  std::uint64_t most = 0;
  const auto is_enough = [&](std::uint64_t round) {
    return round >= kTriesMax * kBatchesOfHttp || (round >= kBatchesOfHttp && most >= kPipelined);
  };
  for (std::uint64_t round = 0; !is_enough(round); ++round) {
    const std::uint64_t before = counters_->writes;
    for (auto& client : clients) client->send_raw(batch);
    for (auto& client : clients) {
      for (int i = 0; i < kPipeline; ++i) ASSERT_TRUE(client->receive_until(end).ends_with(end));
    }
    most = std::max(most, counters_->writes - before);
  }
  EXPECT_GE(most, kPipelined);
  EXPECT_LE(counters_->writes, counters_->waits);
  // Nothing is left: it sleeps.
  constexpr std::uint64_t kPings = 20;
  Client client(server_.port());
  const std::uint64_t before = counters_->waits;
  for (std::uint64_t i = 0; i < kPings; ++i) client.ask(R"({"op":"ping"})");
  EXPECT_LE(counters_->waits - before, 10 * kPings);
}

INSTANTIATE_TEST_SUITE_P(Connections, HttpCommitTest, testing::Values(1, 2),
                         testing::PrintToStringParamName());

// So that commits of the log come in between. LMDB's sync, within its commit, finds ours.
TEST_F(CostTest, ACheckpointGoesToTheDiskInPieces) {
  constexpr std::uint64_t kPieceBytes = 512 * 1024;
  constexpr int kDocuments = 16;
  Client client(server_.port());
  for (int i = 0; i < kDocuments; ++i) {
    client.ask(kPut + std::to_string(i) + R"(","data":{"v":")" + std::string(kPieceBytes, 'x') +
               R"("}})");
  }
  const std::uint64_t before = counters_->pieces;
  client.ask(R"({"op":"checkpoint"})");
  EXPECT_GE(counters_->pieces - before, std::uint64_t{kDocuments});
}

// Nobody is served meanwhile.
TEST_F(CostTest, AStopDoesNotPaceItsCheckpoint) {
  Client client(server_.port());
  for (int i = 0; i < 16; ++i) {
    client.ask(kPut + std::to_string(i) + R"(","data":{"v":")" + std::string(512 * 1024, 'x') +
               R"("}})");
  }
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
  EXPECT_LT(counters_->pieces, 8u);  // asks whether there is such a call
}

// They are carried out one after the other, and leave together.
TEST_F(CostTest, APipelineOfHttpTakesTwoCallsABatch) {
  constexpr std::uint64_t kHttpBatches = 100;
  Client client(server_.http_port());
  const std::string body = R"({"document_id":"a","data":{}})";
  const std::string end = R"("error_code":null})";
  const auto post = [](const std::string& op, const std::string& fields) {
    return "POST /v1/ops/" + op +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(fields.size()) + "\r\n\r\n" + fields;
  };
  client.send_raw(post("point_put", body));
  ASSERT_TRUE(client.receive_until(end).ends_with(end));
  std::string batch;
  for (int i = 0; i < kPipeline; ++i) batch += post("point_get", R"({"document_id":"a"})");
  const std::uint64_t before[] = {counters_->receives, counters_->sends};
  for (std::uint64_t i = 0; i < kHttpBatches; ++i) {
    client.send_raw(batch);
    for (int answer = 0; answer < kPipeline; ++answer)
      ASSERT_TRUE(client.receive_until(end).ends_with(end));
  }
  EXPECT_GE(counters_->receives - before[0], kHttpBatches);
  EXPECT_LE(counters_->receives - before[0], kHttpBatches * 3 / 2);
  EXPECT_LE(counters_->sends - before[1], kHttpBatches * 3 / 2);
}

}  // namespace
}  // namespace stator::test
