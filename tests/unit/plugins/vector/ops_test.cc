// What each op of the vector engine promises, through a fake kernel.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "unit/plugins/vector/vector_fixture.h"

namespace stator::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VectorOpsTest : public VectorFixture {
 protected:
  void upsert(const std::string& id, const Json& vector, const char* metric = "l2") {
    ask("vector_upsert", {{"document_id", id}, {"vector", vector}, {"metric", metric}});
  }
};

TEST_F(VectorOpsTest, UpsertSaysWhetherTheDocumentHadOneAndItsLsn) {
  EXPECT_EQ(ask("vector_upsert", {{"document_id", "a"}, {"vector", {1, 2}}}),
            (Json{{"existed", false}, {"lsn", 1}}));
  EXPECT_EQ(ask("vector_insert", {{"document_id", "a"}, {"vector", {3, 4}}}),
            (Json{{"existed", true}, {"lsn", 2}}));
  EXPECT_EQ(ask("vector_get", {{"document_id", "a"}})["vector"], (Json{3, 4}));
  EXPECT_EQ(ask("vector_stats", Json::object())["count"], 1);
}

TEST_F(VectorOpsTest, TheFirstVectorFixesTheMetricCosineUnlessGiven) {
  ask("vector_upsert", {{"document_id", "a"}, {"vector", {1, 2}}});
  EXPECT_EQ(ask("vector_stats", Json::object()),
            (Json{{"count", 1}, {"dim", 2}, {"metric", "cosine"}}));
  const auto other =
      call("vector_upsert", {{"document_id", "b"}, {"vector", {1, 2}}, {"metric", "ip"}});
  expect_refusal(other, STATOR_E_BAD_REQUEST, "metric");
  EXPECT_THAT(other.detail, HasSubstr("cosine"));
  ask("vector_upsert", {{"document_id", "b"}, {"vector", {1, 2}}, {"metric", "cosine"}});
  EXPECT_EQ(ask("vector_stats", Json::object())["count"], 2);
}

TEST_F(VectorOpsTest, RefusesAnotherDimensionNamingBoth) {
  upsert("a", {1, 2, 3});
  const auto put = call("vector_upsert", {{"document_id", "b"}, {"vector", {1, 2}}});
  expect_refusal(put, STATOR_E_BAD_REQUEST, "vector");
  EXPECT_THAT(put.detail, HasSubstr("2 dimensions"));
  EXPECT_THAT(put.detail, HasSubstr("3"));
  const auto search = call("vector_search", {{"query_vector", {1, 2, 3, 4}}});
  expect_refusal(search, STATOR_E_BAD_REQUEST, "query_vector");
  EXPECT_THAT(search.detail, HasSubstr("4 dimensions"));
}

TEST_F(VectorOpsTest, RefusesTheZeroVectorUnderCosineOnly) {
  expect_refusal(call("vector_upsert", {{"document_id", "a"}, {"vector", {0, 0}}}),
                 STATOR_E_BAD_REQUEST, "vector");
  ask("vector_upsert", {{"document_id", "a"}, {"vector", {1, 0}}});
  expect_refusal(call("vector_search", {{"query_vector", {0, 0}}}), STATOR_E_BAD_REQUEST,
                 "query_vector");
  ask("vector_upsert", {{"document_id", "a"}, {"vector", {0, 0}}, {"metric", "l2"}}, "other");
  EXPECT_THAT(found({0, 0}, 10, "other"), ElementsAre("a"));
}

TEST_F(VectorOpsTest, RefusesMagnitudesWhoseSquaresOverflow) {
  expect_refusal(call("vector_upsert", {{"document_id", "a"}, {"vector", {3e38, 1}}}),
                 STATOR_E_BAD_REQUEST, "vector");
  upsert("a", {1, 1});
  expect_refusal(call("vector_search", {{"query_vector", {1e30, 1}}}), STATOR_E_BAD_REQUEST,
                 "query_vector");
  // Its own squares would fit, but not its distance to its opposite.
  expect_refusal(call("vector_upsert", {{"document_id", "b"}, {"vector", {1e19, 0}}}),
                 STATOR_E_BAD_REQUEST, "vector");
  // As large and as far apart as is accepted: every distance stays a number.
  upsert("b", {6e18, 0});
  const Json answer = ask("vector_search", {{"query_vector", {-6e18, 0}}});
  ASSERT_EQ(answer["results"].size(), 2u);
  EXPECT_TRUE(answer["results"][1]["distance"].is_number());
}

TEST_F(VectorOpsTest, CosineDoesNotDependOnMagnitudesHoweverSmallOrLarge) {
  ask("vector_upsert", {{"document_id", "tiny"}, {"vector", {3e-40, 4e-40}}});
  ask("vector_upsert", {{"document_id", "large"}, {"vector", {-3e18, -4e18}}});
  const Json rows = ask("vector_search", {{"query_vector", {3e-30, 4e-30}}})["results"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["document_id"], "tiny");
  EXPECT_NEAR(rows[0]["distance"].get<double>(), 0, 1e-5);
  EXPECT_NEAR(rows[1]["distance"].get<double>(), 2, 1e-6);
  EXPECT_NEAR(rows[1]["score"].get<double>(), -1, 1e-6);
}

TEST_F(VectorOpsTest, GetReturnsExactlyWhatWasPutAlsoUnderCosine) {
  const Json vector = {0.1f, -123456.789f, 1e-40f, 16777217.0f};
  ask("vector_upsert", {{"document_id", "a"}, {"vector", vector}});
  const Json answer = ask("vector_get", {{"document_id", "a"}});
  EXPECT_EQ(answer["document_id"], "a");
  ASSERT_EQ(answer["vector"].size(), vector.size());
  for (std::size_t i = 0; i < vector.size(); ++i) {
    EXPECT_EQ(answer["vector"][i].get<float>(), vector[i].get<float>());
  }
  expect_refusal(call("vector_get", {{"document_id", "b"}}), STATOR_E_NOT_FOUND, "document_id");
}

TEST_F(VectorOpsTest, DistanceAndScoreOfEachMetric) {
  const Json a = {{"document_id", "a"}, {"vector", {3, 4}}};
  const auto search = [&](const char* metric) {
    Json put = a;
    put["metric"] = metric;
    ask("vector_upsert", put, metric);
    return ask("vector_search", {{"query_vector", {4, 3}}}, metric)["results"][0];
  };
  const Json l2 = search("l2");
  EXPECT_FLOAT_EQ(l2["distance"].get<float>(), 2);
  EXPECT_FLOAT_EQ(l2["score"].get<float>(), 1.0f / 3);
  const Json cosine = search("cosine");
  EXPECT_NEAR(cosine["distance"].get<float>(), 0.04, 1e-6);
  EXPECT_NEAR(cosine["score"].get<float>(), 0.96, 1e-6);
  const Json ip = search("ip");
  EXPECT_FLOAT_EQ(ip["distance"].get<float>(), -24);
  EXPECT_FLOAT_EQ(ip["score"].get<float>(), 24);
}

TEST_F(VectorOpsTest, SearchAnswersNearestFirstTiesByIdAtMostTopK) {
  for (const char* id : {"d", "b", "c", "a"}) upsert(id, {1, 0});
  upsert("near", {0, 0});
  upsert("far", {9, 9});
  EXPECT_THAT(found({0, 0}), ElementsAre("near", "a", "b", "c", "d", "far"));
  EXPECT_THAT(found({0, 0}, 3), ElementsAre("near", "a", "b"));
  const Json answer = ask("vector_search", {{"query_vector", {0, 0}}, {"top_k", 2}});
  EXPECT_EQ(answer["regime"], "flat");
  EXPECT_EQ(answer["visited"], 6);
}

TEST_F(VectorOpsTest, TopKIsTenUnlessGivenAndBounded) {
  for (int i = 0; i < 12; ++i) upsert(std::to_string(i), {i});
  EXPECT_EQ(ask("vector_search", {{"query_vector", {0}}})["results"].size(), 10u);
  EXPECT_EQ(found({0}, 10'000).size(), 12u);
  for (const int top_k : {0, -1, 10'001}) {
    expect_refusal(call("vector_search", {{"query_vector", {0}}, {"top_k", top_k}}),
                   STATOR_E_BAD_REQUEST, "top_k");
  }
}

TEST_F(VectorOpsTest, AnUnknownCollectionIsNotFoundUntilAVectorIsPut) {
  expect_refusal(call("vector_search", {{"query_vector", {1}}}), STATOR_E_COLLECTION_NOT_FOUND,
                 "collection");
  for (const char* op : {"vector_get", "vector_delete"}) {
    expect_refusal(call(op, {{"document_id", "a"}}), STATOR_E_COLLECTION_NOT_FOUND, "collection");
  }
  expect_refusal(call("vector_stats", Json::object()), STATOR_E_COLLECTION_NOT_FOUND, "collection");
}

TEST_F(VectorOpsTest, DeletingTheLastVectorKeepsTheCollection) {
  upsert("a", {1, 2});
  EXPECT_EQ(ask("vector_delete", {{"document_id", "a"}}), (Json{{"existed", true}, {"lsn", 2}}));
  EXPECT_EQ(ask("vector_delete", {{"document_id", "a"}}), (Json{{"existed", false}, {"lsn", 0}}));
  EXPECT_THAT(found({1, 2}), IsEmpty());
  kernel_.restart();
  EXPECT_THAT(found({1, 2}), IsEmpty());
  EXPECT_EQ(ask("vector_stats", Json::object()),
            (Json{{"count", 0}, {"dim", 2}, {"metric", "l2"}}));
  expect_refusal(call("vector_upsert", {{"document_id", "a"}, {"vector", {1}}}),
                 STATOR_E_BAD_REQUEST, "vector");
}

TEST_F(VectorOpsTest, DeleteMovesNobodyElse) {
  for (int i = 0; i < 5; ++i) upsert(std::to_string(i), {i});
  ask("vector_delete", {{"document_id", "1"}});
  EXPECT_THAT(found({0}), ElementsAre("0", "2", "3", "4"));
  ask("vector_delete", {{"document_id", "4"}});
  EXPECT_THAT(found({9}), ElementsAre("3", "2", "0"));
}

TEST_F(VectorOpsTest, BatchPutsAllAndTheLastRowOfADocumentWins) {
  upsert("old", {5, 5});
  const Json rows = {{{"document_id", "a"}, {"vector", {1, 0}}},
                     {{"document_id", "old"}, {"vector", {2, 0}}},
                     {{"document_id", "a"}, {"vector", {3, 0}}}};
  EXPECT_EQ(ask("vector_batch_upsert", {{"rows", rows}}),
            (Json{{"put", 3}, {"replaced", 2}, {"lsn", 2}}));
  EXPECT_EQ(ask("vector_get", {{"document_id", "a"}})["vector"], (Json{3, 0}));
  EXPECT_EQ(ask("vector_get", {{"document_id", "old"}})["vector"], (Json{2, 0}));
  EXPECT_EQ(ask("vector_stats", Json::object())["count"], 2);
}

TEST_F(VectorOpsTest, ABatchWithABadRowPutsNothingAndNamesTheRow) {
  const Json rows = {{{"document_id", "a"}, {"vector", {1, 0}}},
                     {{"document_id", "b"}, {"vector", {1, 0, 0}}}};
  const auto answer = call("vector_batch_insert", {{"rows", rows}});
  expect_refusal(answer, STATOR_E_BAD_REQUEST, "rows[1].vector");
  EXPECT_THAT(answer.detail, HasSubstr("rows[1].vector"));
  EXPECT_EQ(kernel_.last_lsn(), 0u);
  EXPECT_TRUE(kernel_.dump().empty());
}

TEST_F(VectorOpsTest, BoundsOfIdsAndDimensions) {
  const Json vector = {1};
  expect_refusal(call("vector_upsert", {{"document_id", ""}, {"vector", vector}}),
                 STATOR_E_BAD_REQUEST, "document_id");
  expect_refusal(
      call("vector_upsert", {{"document_id", std::string(257, 'x')}, {"vector", vector}}),
      STATOR_E_BAD_REQUEST, "document_id");
  ask("vector_upsert", {{"document_id", std::string(256, 'x')}, {"vector", vector}});
  EXPECT_EQ(found({1}).front().size(), 256u);

  ask("vector_upsert", {{"document_id", "a"}, {"vector", Json(8192, 1.0)}}, "wide");
  EXPECT_THAT(found(Json(8192, 1.0), 10, "wide"), ElementsAre("a"));
  expect_refusal(
      call("vector_upsert", {{"document_id", "a"}, {"vector", Json(8193, 1.0)}}, "wider"),
      STATOR_E_BAD_REQUEST, "vector");
  expect_refusal(call("vector_upsert", {{"document_id", "a"}, {"vector", Json::array()}}, "none"),
                 STATOR_E_BAD_REQUEST, "vector");
}

TEST_F(VectorOpsTest, CollectionsAndTenantsDoNotSeeOneAnother) {
  ask("vector_upsert", {{"document_id", "a"}, {"vector", {1}}}, "c", 1);
  ask("vector_upsert", {{"document_id", "b"}, {"vector", {1, 2}}}, "c", 2);
  ask("vector_upsert", {{"document_id", "d"}, {"vector", {1}}}, "other", 1);
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(found({1}), ElementsAre("a"));
    EXPECT_THAT(found({1}, 10, "other"), ElementsAre("d"));
    EXPECT_EQ(ask("vector_stats", Json::object(), "c", 2)["dim"], 2);
    kernel_.restart();
  }
}

TEST_F(VectorOpsTest, AnInterruptedSearchOrBatchAnswersDeadlineExceeded) {
  upsert("a", {1});
  kernel_.interrupt_next();
  EXPECT_EQ(call("vector_search", {{"query_vector", {1}}}).status, STATOR_E_DEADLINE_EXCEEDED);
  kernel_.interrupt_next();
  const Json rows = {{{"document_id", "b"}, {"vector", {2}}}};
  EXPECT_EQ(call("vector_batch_upsert", {{"rows", rows}}).status, STATOR_E_DEADLINE_EXCEEDED);
  EXPECT_THAT(found({1}), ElementsAre("a"));
}

// Rows enough for several looks; the query is 0, so the id is the distance.
class PausedSearchTest : public VectorOpsTest {
 protected:
  static constexpr int kRows = 5000;
  static std::string id_of(int i) { return "v" + std::to_string(100'000 + i); }
  void SetUp() override {
    Json rows = Json::array();
    for (int i = 0; i < kRows; ++i)
      rows.push_back({{"document_id", id_of(i)}, {"vector", {i + 1}}});
    ask("vector_batch_upsert", {{"rows", rows}, {"metric", "l2"}});
  }
  std::vector<std::string> first(int count, int from = 0) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(id_of(from + i));
    return ids;
  }
};

TEST_F(PausedSearchTest, LooksAtEveryVectorThatStandsAllTheTimeAndAtNoneTwice) {
  int pauses = 0;
  kernel_.pause_next([&] {
    // Each moves the last vector, which was looked at, to a place that was not.
    for (int i = 0; i < 20; ++i) {
      ask("vector_delete", {{"document_id", id_of(100 + 50 * i + pauses)}});
    }
    for (int i = 0; i < 20; ++i) upsert("new" + std::to_string(20 * pauses + i), {9000});
    ++pauses;
    return false;
  });
  EXPECT_EQ(found({0}, 50), first(50));
  EXPECT_GE(pauses, 4);
}

TEST_F(PausedSearchTest, AnswersIdsOfVectorsThatWentMeanwhile) {
  int pauses = 0;
  kernel_.pause_next([&] {
    // The first rows are looked at last.
    if (++pauses == 2) {
      for (int i = kRows - 30; i < kRows; ++i) ask("vector_delete", {{"document_id", id_of(i)}});
    }
    return false;
  });
  const std::vector<std::string> ids = found({kRows + 1}, 10);
  ASSERT_EQ(ids.size(), 10u);
  EXPECT_EQ(ids.front(), id_of(kRows - 1)) << "it was there when it was looked at";
  EXPECT_EQ(found({kRows + 1}, 1), first(1, kRows - 31)) << "and is not any more";
}

TEST_F(PausedSearchTest, StopsWhereItIsTold) {
  int pauses = 0;
  kernel_.pause_next([&] { return ++pauses == 3; });
  EXPECT_EQ(call("vector_search", {{"query_vector", {0}}}).status, STATOR_E_DEADLINE_EXCEEDED);
  EXPECT_EQ(pauses, 3);
}

TEST_F(VectorOpsTest, OfADroppedTenantNothingIsLeft) {
  upsert("kept", {5, 6});
  const auto kept = kernel_.dump();
  for (int i = 0; i < 2500; ++i) {
    const std::string collection = "c" + std::to_string(i % 2);
    const Json put = {{"document_id", "d" + std::to_string(i)}, {"vector", {i + 1, 2}}};
    ASSERT_EQ(call("vector_upsert", put, collection, 2).status, STATOR_OK);
  }
  kernel_.drop_tenant(2);
  EXPECT_EQ(kernel_.dump(), kept);
  EXPECT_EQ(call("vector_stats", Json::object(), "c0", 2).status, STATOR_E_COLLECTION_NOT_FOUND);
  // Of another dimension: the rule is forgotten too.
  const Json other = {{"document_id", "d1"}, {"vector", {1, 2, 3}}};
  EXPECT_EQ(call("vector_upsert", other, "c0", 2).status, STATOR_OK);
  EXPECT_THAT(found({5, 6}), ElementsAre("kept"));
}

}  // namespace
}  // namespace stator::testing
