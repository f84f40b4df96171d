// Streams of pages, of the real server.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

class PagesTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  PagesTest() : server_({dir_.path(), GetParam(), "", "dev"}) {
    EXPECT_TRUE(server_.start()) << server_.errors();
    client_ = std::make_unique<Client>(server_.port());
  }
  void insert(int from, int count, const std::string& text) {
    for (int i = from; i < from + count; i += 500) {
      json documents = json::array();
      for (int k = i; k < std::min(i + 500, from + count); ++k) {
        documents.push_back({{"document_id", "d" + std::to_string(k)},
                             {"data", {{"n", (k * 7919) % 100'003}, {"t", text}}}});
      }
      must(*client_, {{"op", "document_batch_insert"}, {"documents", documents}});
    }
  }
  static json frame_of(Client& client) { return json::parse(client.receive().value_or("null")); }
  // The rows of a stream to its end, from the frame that comes next.
  static std::vector<json> rows_of(Client& client) {
    std::vector<json> rows;
    for (;;) {
      const json frame = frame_of(client);
      EXPECT_NE(frame["status"], "error") << frame;
      if (!frame["payload"].is_object()) return rows;
      for (const json& row : frame["payload"]["rows"]) rows.push_back(row);
      if (frame["status"] != "partial") return rows;
    }
  }
  static void ask_for_stream(Client& client, json request) {
    request["stream"] = true;
    request["payload_format"] = "json";
    client.send(request.dump());
  }
  static std::uint64_t sum(const json& stats, const char* field) {
    std::uint64_t total = 0;
    for (const json& lane : stats["lanes"]) total += lane[field].get<std::uint64_t>();
    return total;
  }
  // Each lane tells its numbers at the end of its turns.
  bool soon(bool (*holds)(const json& stats)) {
    for (int tries = 0; tries < 10'000; ++tries) {
      if (holds(stats())) return true;
    }
    return false;
  }
  json stats() { return must(*client_, {{"op", "server_stats"}}); }

  TempDir dir_;
  ServerProcess server_;
  std::unique_ptr<Client> client_;
};
INSTANTIATE_TEST_SUITE_P(Lanes, PagesTest, testing::Values(1u, 2u, 4u));

// Documents that nobody writes come once each and in order, whatever happens to others.
TEST_P(PagesTest, BesideWritesEveryDocumentThatStandsComesOnce) {
  insert(0, 3000, "x");
  Client writer(server_.port());
  std::mt19937 random(7);
  for (const json& request :
       {json{{"op", "document_scan"}, {"limit", 37}},
        json{{"op", "document_scan"}, {"limit", 400}, {"sort", {{{"n", "desc"}}}}},
        json{{"op", "range_scan"}, {"limit", 91}, {"field", "n"}}}) {
    ask_for_stream(*client_, request);
    std::vector<std::string> standing;
    for (bool is_last = false; !is_last;) {
      const json frame = frame_of(*client_);
      ASSERT_NE(frame["status"], "error") << frame;
      is_last = frame["status"] == "ok";
      for (const json& row : frame["payload"]["rows"]) {
        const std::string id = row["document_id"];
        if (id[0] == 'd') standing.push_back(id);
      }
      const std::string other = "w" + std::to_string(random() % 50);
      random() % 3 == 0 ? ask(writer, {{"op", "point_delete"}, {"document_id", other}})
                        : ask(writer, {{"op", "point_put"},
                                       {"document_id", other},
                                       {"data", {{"n", random() % 100'003}}}});
    }
    EXPECT_EQ(standing.size(), 3000u) << request;
    const auto place = [&](const std::string& id) {
      return std::stoi(id.substr(1)) * 7919 % 100'003;
    };
    std::vector<std::string> sorted = standing;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end()) << "one came twice";
    if (request.contains("sort")) {
      std::sort(sorted.begin(), sorted.end(),
                [&](const auto& a, const auto& b) { return place(a) > place(b); });
    } else if (request.contains("field")) {
      std::sort(sorted.begin(), sorted.end(),
                [&](const auto& a, const auto& b) { return place(a) < place(b); });
    }
    EXPECT_EQ(standing, sorted) << request;
  }
}

TEST_P(PagesTest, AClientThatDoesNotReadHoldsNothingUp) {
  insert(0, 4000, std::string(8000, 'x'));
  Client slow(server_.port(), 4096);
  ask_for_stream(slow, {{"op", "document_scan"}});
  // It goes on a few times, while the sockets still take some. Nothing of a read is kept between
  // pages, neither a stack nor a snapshot.
  ASSERT_TRUE(soon([](const json& now) {
    return sum(now, "streams_paused") == 1 && sum(now, "long_reads") == 0;
  })) << stats();
  // A page is some 800 KB: what the connection owes may be one more than where it pauses.
  EXPECT_LE(sum(stats(), "unsent_bytes"), 2'000'000u);
  must(*client_, {{"op", "digest"}});  // lanes can stand still, and the stream says so
  json last;
  do {
    last = frame_of(slow);
  } while (last["status"] == "partial");
  EXPECT_EQ(last["error_code"], "busy") << last;
  EXPECT_TRUE(soon([](const json& now) { return sum(now, "streams") == 0; })) << stats();
}

TEST_P(PagesTest, WhereAStreamBreaksTheLastCursorGoesOn) {
  insert(0, 2000, "x");
  std::vector<json> rows;
  std::string cursor;
  Client first(server_.port());
  const json request = {
      {"op", "document_scan"}, {"limit", 100}, {"sort", {"n"}}, {"fields", {"n"}}};
  ask_for_stream(first, request);
  for (int i = 0; i < 7; ++i) {
    const json frame = frame_of(first);
    for (const json& row : frame["payload"]["rows"]) rows.push_back(row);
    cursor = frame["payload"]["cursor"];
  }
  server_.kill();
  ASSERT_TRUE(server_.start()) << server_.errors();
  client_ = std::make_unique<Client>(server_.port());
  json rest = request;
  rest["cursor"] = cursor;
  ask_for_stream(*client_, rest);
  for (const json& row : rows_of(*client_)) rows.push_back(row);
  ask_for_stream(*client_,
                 {{"op", "document_scan"}, {"limit", 10'000}, {"sort", {"n"}}, {"fields", {"n"}}});
  EXPECT_EQ(rows, rows_of(*client_));
}

TEST_P(PagesTest, AClientThatEndsItsSideGetsAllPagesAndTheEndOfTheConnection) {
  insert(0, 1000, "x");
  Client half(server_.port());
  ask_for_stream(half, {{"op", "document_scan"}, {"limit", 10}});
  half.end_of_input();
  EXPECT_EQ(rows_of(half).size(), 1000u);
  EXPECT_EQ(half.receive(), std::nullopt);
}

TEST_P(PagesTest, OneIsCancelledAndAClientThatGoesLeavesNothing) {
  insert(0, 4000, std::string(2000, 'x'));
  Client client(server_.port(), 4096);
  ask_for_stream(client, {{"op", "document_scan"}, {"id", "s"}});
  EXPECT_EQ(frame_of(client)["status"], "partial");
  client.send(R"({"op":"cancel","id":"s"})");
  std::vector<std::string> ends;
  while (ends.size() < 2) {
    const json frame = frame_of(client);
    if (frame["status"] != "partial") ends.push_back(frame.value("error_code", json()).dump());
  }
  EXPECT_EQ(ends, (std::vector<std::string>{"\"cancelled\"", "null"}));
  auto gone = std::make_unique<Client>(server_.port(), 4096);
  ask_for_stream(*gone, {{"op", "document_scan"}});
  frame_of(*gone);
  gone->reset();
  while (sum(stats(), "streams") != 0) {
  }
  EXPECT_EQ(server_.stop(), 0) << "every task is at rest";
}

// A right that is taken away ends it at the next page, a policy that comes changes what is seen.
TEST_P(PagesTest, RightsAndPoliciesCountFromTheNextPageOn) {
  insert(0, 4000, std::string(2000, 'x'));
  must(*client_, {{"op", "user_create"},
                  {"username", "anna"},
                  {"password", "correct horse"},
                  {"role", "readonly"}});
  Client anna(server_.port(), 4096);
  ask(anna, {{"op", "auth"},
             {"method", "password"},
             {"username", "anna"},
             {"password", "correct horse"}});
  ask_for_stream(anna, {{"op", "document_scan"}});
  frame_of(anna);
  must(
      *client_,
      {{"op", "row_policy_create"}, {"policy", "none"}, {"on", "default"}, {"where", {{"n", -1}}}});
  std::size_t rows = 0;
  for (bool is_last = false; !is_last;) {
    const json frame = frame_of(anna);
    ASSERT_NE(frame["status"], "error") << frame;
    is_last = frame["status"] == "ok";
    rows += frame["payload"]["rows"].size();
  }
  EXPECT_LT(rows, 3000u) << "pages that were asked for afterwards are empty";
  must(*client_, {{"op", "row_policy_drop"}, {"policy", "none"}, {"on", "default"}});
  ask_for_stream(anna, {{"op", "document_scan"}});
  frame_of(anna);
  must(*client_, {{"op", "user_drop"}, {"username", "anna"}});
  json last;
  do {
    last = frame_of(anna);
  } while (last["status"] == "partial");
  EXPECT_EQ(last["status"], "error");
}

}  // namespace
}  // namespace stator::test
