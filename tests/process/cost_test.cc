// What a request costs the real server in steady state: no memory from the heap, few system calls.
// The bounds are gates: a change that allocates or calls more per request fails here.
#include <cstdlib>
#include <string>
#include <sys/mman.h>

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

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev", {"--http-listen", "127.0.0.1:0"}}};
  CostCounters* counters_ = nullptr;
  int next_key_ = 0;
};

const std::string kPut = R"({"op":"point_put","collection":"c","document_id":"k)";
const std::string kGet = R"({"op":"point_get","collection":"c","document_id":"k)";

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
