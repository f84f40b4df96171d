// graph_rag_fusion: the seed's formula, its golden numbers and its refusals, with a vector_search
// that answers what the test says.
#include <string>

#include <gmock/gmock.h>

#include "fusion/reciprocal_rank.h"
#include "fusion/vector_answer.h"
#include "unit/plugins/graph/graph_fixture.h"

namespace stator::testing {
namespace {

using ::testing::ElementsAre;

class GraphRagFusionTest : public GraphFixture {
 protected:
  GraphRagFusionTest() {
    kernel_.set_callee(
        [](void* context, std::string_view op, std::string_view args) {
          auto& self = *static_cast<GraphRagFusionTest*>(context);
          self.called_ = std::string(op);
          self.called_args_ = Json::parse(args);
          return self.answer_;
        },
        this);
  }
  // Lets vector_search answer these documents, nearest first, at distances 0, 0.5, 1, ...
  void answer_seeds(const std::vector<std::string>& ids) {
    Json results = Json::array();
    for (const auto& id : ids) {
      const double distance = 0.5 * static_cast<double>(results.size());
      results.push_back({{"document_id", id}, {"distance", distance}, {"score", 0}});
    }
    answer_.payload = Json{{"results", results}, {"regime", "flat"}, {"visited", 9}}.dump();
  }
  void refuse(stator_status status, const char* detail) {
    answer_ = {};
    answer_.status = status;
    answer_.detail = detail;
  }
  Json fuse(Json args = Json::object()) {
    args["query_vector"] = {0.25, -1};
    return ask("graph_rag_fusion", args);
  }
  static std::vector<std::string> ids(const Json& answer) {
    std::vector<std::string> out;
    for (const Json& row : answer["results"]) out.push_back(row["node_id"]);
    return out;
  }

  testkit::Answer answer_;
  std::string called_;
  Json called_args_;
};

TEST_F(GraphRagFusionTest, GivesTheGoldenScores) {
  answer_seeds({"a", "b"});
  put("a", "x", "c");
  const Json answer = fuse();
  ASSERT_THAT(ids(answer), ElementsAre("a", "b", "c"));
  const Json& rows = answer["results"];
  EXPECT_NEAR(rows[0]["rrf_score"].get<double>(), 0.1073025335, 1e-10);
  EXPECT_NEAR(rows[1]["rrf_score"].get<double>(), 1.0 / 62 + 1.0 / 12, 1e-15);
  EXPECT_NEAR(rows[2]["rrf_score"].get<double>(), 1.0 / 13, 1e-15);
  EXPECT_EQ(rows[1]["vector_rank"], 1);
  EXPECT_EQ(rows[1]["vector_distance"], 0.5);
  EXPECT_EQ(rows[1]["hop_distance"], 0);
  EXPECT_TRUE(rows[2]["vector_rank"].is_null());
  EXPECT_TRUE(rows[2]["vector_distance"].is_null());
  EXPECT_EQ(rows[2]["hop_distance"], 1);
  EXPECT_EQ(answer["metadata"],
            (Json{{"vector_candidates", 2}, {"graph_expanded", 3}, {"truncated", false}}));
}

TEST_F(GraphRagFusionTest, AsksVectorSearchForTheQueryAndTwentySeeds) {
  answer_seeds({});
  fuse();
  EXPECT_EQ(called_, "vector_search");
  EXPECT_EQ(called_args_, (Json{{"query_vector", {0.25, -1.0}}, {"top_k", 20}}));
  fuse({{"vector_top_k", 3}});
  EXPECT_EQ(called_args_["top_k"], 3);
}

TEST_F(GraphRagFusionTest, RanksTheGraphListByHopThenId) {
  // Seeds are hop 0 in id order, whatever their vector rank: the seed system's rule.
  answer_seeds({"z", "m"});
  put("z", "x", "b");
  put("m", "x", "a");
  put("a", "x", "0");
  const Json answer = fuse({{"vector_k", 1e12}});
  EXPECT_THAT(ids(answer), ElementsAre("m", "z", "a", "b", "0"));
  EXPECT_NEAR(answer["results"][4]["rrf_score"].get<double>(), 1.0 / 15, 1e-9);
  EXPECT_EQ(answer["results"][4]["hop_distance"], 2);
}

TEST_F(GraphRagFusionTest, SeedsThatAreNoNodesStillCount) {
  put("a", "x", "b");
  answer_seeds({"stranger", "a"});
  const Json answer = fuse();
  EXPECT_THAT(ids(answer), ElementsAre("a", "stranger", "b"));
  EXPECT_EQ(answer["metadata"]["graph_expanded"], 3);
}

TEST_F(GraphRagFusionTest, ACollectionWithoutEdgesAnswersItsSeeds) {
  answer_seeds({"a", "b"});
  EXPECT_THAT(ids(fuse()), ElementsAre("a", "b"));
  answer_seeds({});
  EXPECT_EQ(fuse()["results"], Json::array());
}

TEST_F(GraphRagFusionTest, HonoursLabelDirectionDepthAndFinalTopK) {
  answer_seeds({"s"});
  put("s", "x", "a");
  put("s", "y", "b");
  put("c", "x", "s");
  put("a", "x", "d");
  EXPECT_THAT(ids(fuse()), ElementsAre("s", "a", "b", "d"));
  EXPECT_THAT(ids(fuse({{"edge_label", "x"}})), ElementsAre("s", "a", "d"));
  EXPECT_THAT(ids(fuse({{"edge_label", "nobody"}})), ElementsAre("s"));
  EXPECT_THAT(ids(fuse({{"direction", "in"}})), ElementsAre("s", "c"));
  EXPECT_THAT(ids(fuse({{"expansion_depth", 1}})), ElementsAre("s", "a", "b"));
  EXPECT_THAT(ids(fuse({{"expansion_depth", 0}})), ElementsAre("s"));
  const Json cut = fuse({{"final_top_k", 2}});
  EXPECT_THAT(ids(cut), ElementsAre("s", "a"));
  EXPECT_EQ(cut["metadata"]["graph_expanded"], 4);
}

TEST_F(GraphRagFusionTest, MaxVisitedCutsTheWalkButNoSeed) {
  answer_seeds({"s", "stranger"});
  for (const char* node : {"a", "b", "c"}) put("s", "x", node);
  const Json answer = fuse({{"max_visited", 3}});
  EXPECT_THAT(ids(answer), ElementsAre("s", "stranger", "a"));
  EXPECT_EQ(answer["metadata"],
            (Json{{"vector_candidates", 2}, {"graph_expanded", 3}, {"truncated", true}}));
  EXPECT_EQ(fuse({{"max_visited", 5}})["metadata"]["truncated"], false);
  EXPECT_EQ(fuse({{"max_visited", 1}})["metadata"]["graph_expanded"], 2);
}

TEST_F(GraphRagFusionTest, PassesRefusalsOfTheVectorSearchOn) {
  const Json args = {{"query_vector", {1}}};
  refuse(STATOR_E_COLLECTION_NOT_FOUND, "collection 'g' has no vectors");
  auto answer = call("graph_rag_fusion", args);
  expect_refusal(answer, STATOR_E_COLLECTION_NOT_FOUND, "collection");
  EXPECT_EQ(answer.detail, "collection 'g' has no vectors");
  refuse(STATOR_E_BAD_REQUEST, "'query_vector' has 1 dimensions, the collection has 2");
  expect_refusal(call("graph_rag_fusion", args), STATOR_E_BAD_REQUEST, "query_vector");
  refuse(STATOR_E_REJECTED_AUTHZ, "no");
  EXPECT_EQ(call("graph_rag_fusion", args).status, STATOR_E_REJECTED_AUTHZ);
  answer_ = {};
  answer_.payload = R"({"rows":[]})";
  EXPECT_EQ(call("graph_rag_fusion", args).status, STATOR_E_INTERNAL);
}

TEST_F(GraphRagFusionTest, RefusesArgumentsOutOfBoundsByName) {
  answer_seeds({});
  const std::pair<const char*, Json> bad[] = {
      {"vector_k", -0.1},      {"graph_k", -1},
      {"vector_top_k", 0},     {"final_top_k", 0},
      {"expansion_depth", 17}, {"max_visited", 0},
      {"direction", "any"},    {"query_vector", Json::array()}};
  for (const auto& [field, value] : bad) {
    Json args = {{"query_vector", {1, 2}}};
    args[field] = value;
    expect_refusal(call("graph_rag_fusion", args), STATOR_E_BAD_REQUEST, field);
  }
  EXPECT_EQ(fuse({{"vector_k", 0}, {"graph_k", 0}})["results"], Json::array());
}

TEST(ReciprocalRankTest, CutsTheReachedRowsToWhatCanBeAnswered) {
  const std::vector<graph::Seed> seeds = {{"s", 0}};
  const std::vector<graph::HopRow> reached = {{"b", 1}, {"c", 1}, {"a", 2}};
  const auto rows = graph::fuse(seeds, reached, {60, 10, 2});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, "s");
  EXPECT_EQ(rows[1].id, "b");
}

TEST(ReciprocalRankTest, TiesGoById) {
  // Rank 0 of one list and rank 1 of the other, both ways round, with equal k.
  const std::vector<graph::Seed> seeds = {{"b", 0}, {"a", 1}};
  const auto rows = graph::fuse(seeds, {}, {5, 5, 2});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].score, rows[1].score);
  EXPECT_EQ(rows[0].id, "a");
}

TEST(VectorAnswerTest, ReadsEscapesAndKeepsTheFirstOfARepeatedId) {
  const auto seeds = graph::parse_vector_answer(
      R"({"x":[{}],"results":[{"distance":1e-3,"document_id":"\u00e9\"","score":null},)"
      R"({"document_id":"b","distance":2},{"document_id":"b","distance":3}]})");
  ASSERT_TRUE(seeds.has_value());
  ASSERT_EQ(seeds->size(), 2u);
  EXPECT_EQ((*seeds)[0].id, "\xC3\xA9\"");
  EXPECT_EQ((*seeds)[0].distance, 1e-3);
  EXPECT_EQ((*seeds)[1].distance, 2);
}

TEST(VectorAnswerTest, RefusesOtherShapes) {
  for (const char* text :
       {"", "[]", "{}", R"({"results":{}})", R"({"results":[1]})",
        R"({"results":[{"document_id":"a"}]})", R"({"results":[{"document_id":1,"distance":2}]})",
        R"({"results":[]}x)"}) {
    EXPECT_FALSE(graph::parse_vector_answer(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace stator::testing
