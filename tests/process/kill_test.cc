// kill -9 of the real server under load: every acknowledged write is there afterwards, and of a
// batch all or nothing.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

std::string put(int document, int version) {
  return R"({"op":"point_put","collection":"k","document_id":"d)" + std::to_string(document) +
         R"(","data":{"v":)" + std::to_string(version) + R"(,"group":1}})";
}

// Two documents in one request; both or neither.
std::string pair_of(int version) {
  const std::string v = std::to_string(version);
  return R"({"op":"edge_batch_put","collection":"k","edges":[{"from_node":"a)" + v + R"(","to_node":"b","edge_type":"x"},{"from_node":"a)" +
         v + R"(","to_node":"c","edge_type":"x"}]})";
}

class KillTest : public testing::TestWithParam<unsigned> {};

TEST_P(KillTest, NothingAcknowledgedIsLost) {
  constexpr int kRounds = 8;
  constexpr int kDocuments = 40;
  const char* given = std::getenv("STATOR_SEED");
  const unsigned seed = given == nullptr ? 1 : static_cast<unsigned>(std::atoi(given));
  std::mt19937 random(seed);
  SCOPED_TRACE("STATOR_SEED=" + std::to_string(seed));
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "[server]\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  std::vector<int> acknowledged(kDocuments, 0);
  std::vector<int> sent(kDocuments, 0);
  int pairs_acknowledged = 0;
  int pairs_sent = 0;
  std::uint64_t watermark = 0;
  for (int round = 0; round < kRounds; ++round) {
    Client client(server.port());
    const int writes = 50 + static_cast<int>(random() % 400);
    const int kill_at = static_cast<int>(random() % static_cast<unsigned>(writes));
    std::vector<int> order;  // document of each request, -1 = a pair
    std::thread writer([&] {
      for (int i = 0; i < writes; ++i) {
        const int document = random() % 5 == 0 ? -1 : static_cast<int>(random() % kDocuments);
        order.push_back(document);
        client.send(document < 0 ? pair_of(++pairs_sent) : put(document, ++sent[static_cast<std::size_t>(document)]));
      }
    });
    std::vector<json> answers;
    while (static_cast<int>(answers.size()) < kill_at) {
      auto answer = client.receive();
      ASSERT_TRUE(answer.has_value());
      answers.push_back(json::parse(*answer));
    }
    server.kill();
    writer.join();
    while (auto answer = client.receive()) answers.push_back(json::parse(*answer));
    std::vector<int> version(kDocuments, 0);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i] < 0) continue;
      ++version[static_cast<std::size_t>(order[i])];
    }
    // Versions of this round begin behind those of the rounds before.
    std::vector<int> next(kDocuments);
    for (int d = 0; d < kDocuments; ++d) {
      const auto i = static_cast<std::size_t>(d);
      next[i] = sent[i] - version[i];
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i]["status"], "ok") << answers[i];
      ASSERT_GE(answers[i]["watermark_lsn"], watermark);
      watermark = answers[i]["watermark_lsn"];
      if (order[i] < 0) {
        ++pairs_acknowledged;
      } else {
        const auto d = static_cast<std::size_t>(order[i]);
        acknowledged[d] = ++next[d];
      }
    }
    pairs_acknowledged = std::max(pairs_acknowledged, 0);
    ASSERT_TRUE(server.start()) << server.errors();
    Client reader(server.port());
    for (int d = 0; d < kDocuments; ++d) {
      const auto i = static_cast<std::size_t>(d);
      const json got = json::parse(reader.ask(R"({"op":"point_get","collection":"k","payload_format":"json","document_id":"d)" + std::to_string(d) + "\"}"));
      ASSERT_GE(got["watermark_lsn"], watermark) << "the watermark went back";
      const int found = got["status"] == "ok" ? got["payload"]["v"].get<int>() : 0;
      ASSERT_GE(found, acknowledged[i]) << "document " << d << " in round " << round;
      ASSERT_LE(found, sent[i]);
    }
    for (int p = 1; p <= pairs_sent; ++p) {
      const json got = json::parse(reader.ask(R"({"op":"graph_neighbors","collection":"k","payload_format":"json","node_id":"a)" + std::to_string(p) + "\"}"));
      const std::size_t edges = got["payload"]["neighbors"].size();
      ASSERT_TRUE(edges == 0 || edges == 2) << "half a batch: pair " << p;
    }
    // What is found counts from now on; later rounds compare with it.
    for (int d = 0; d < kDocuments; ++d) {
      const auto i = static_cast<std::size_t>(d);
      acknowledged[i] = std::min(acknowledged[i], sent[i]);
    }
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

INSTANTIATE_TEST_SUITE_P(Lanes, KillTest, testing::Values(1u, 2u));

}  // namespace
}  // namespace stator::test
