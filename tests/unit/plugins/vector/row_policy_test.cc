// Row policies on vectors: the row is the payload. What a policy hides is answered as if it were
// not there, so that a search finds its k nearest among the visible; and nothing hidden is
// replaced, removed or given away.
#include <random>

#include <gmock/gmock.h>

#include "unit/plugins/vector/vector_fixture.h"

namespace stator::testing {
namespace {

using ::testing::ElementsAre;

constexpr const char* kAnnas = R"({"owner":"anna"})";

Json owned_by(const char* owner) { return {{"owner", owner}}; }

class VectorRowPolicyTest : public VectorFixture {
 protected:
  Json upsert(const std::string& id, const Json& vector, const Json& payload) {
    return ask("vector_upsert", args(id, vector, payload));
  }
  static Json args(const std::string& id, const Json& vector, const Json& payload) {
    return {{"document_id", id}, {"vector", vector}, {"metric", "l2"}, {"payload", payload}};
  }
  void bind() { kernel_.bind_rows(kAnnas, kAnnas); }
  std::string answer_of(const std::string& op, const Json& args) {
    const auto answer = call(op, args);
    return std::to_string(answer.status) + answer.field + answer.detail + answer.payload;
  }
};

TEST_F(VectorRowPolicyTest, APayloadIsKeptReplacedAndRemovedWithItsVector) {
  upsert("a", {1, 2}, {{"owner", "anna"}, {"n", 1.5}});
  const Json put = {
      {"document_id", "a"}, {"vector", {1, 2}}, {"payload", {{"owner", "anna"}, {"n", 1.5}}}};
  EXPECT_EQ(ask("vector_get", {{"document_id", "a"}}), put);
  kernel_.restart();
  EXPECT_EQ(ask("vector_get", {{"document_id", "a"}}), put);
  kernel_.replay();
  EXPECT_EQ(ask("vector_get", {{"document_id", "a"}}), put);

  ask("vector_upsert", {{"document_id", "a"}, {"vector", {1, 2}}});
  EXPECT_FALSE(ask("vector_get", {{"document_id", "a"}}).contains("payload"));
  const auto without = kernel_.dump();
  upsert("b", {1, 2}, owned_by("anna"));
  ask("vector_delete", {{"document_id", "b"}});
  EXPECT_EQ(kernel_.dump(), without) << "nothing of b is left";
  kernel_.restart();
  EXPECT_FALSE(ask("vector_get", {{"document_id", "a"}}).contains("payload"));
}

TEST_F(VectorRowPolicyTest, APayloadThatIsNoObjectIsRefused) {
  expect_refusal(call("vector_upsert", args("a", {1, 2}, "text")), STATOR_E_BAD_REQUEST, "payload");
  const auto deep = kernel_.call(
      "vector_upsert", R"({"document_id":"a","vector":[1],"payload":{"n":1e9999999999}})", "c", 1);
  EXPECT_EQ(deep.status, STATOR_E_REJECTED_PREVALIDATION) << deep.detail;
  EXPECT_EQ(deep.field, "payload");
}

// Against an engine that never held what is hidden: the same answers, whatever k and k of what.
TEST_F(VectorRowPolicyTest, ASearchFindsItsKAmongTheVisible) {
  std::mt19937 random(7);
  testkit::FakeKernel visible(&stator_engine_entry_v1);
  const auto number = [&] { return static_cast<int>(random() % 12); };
  for (int i = 0; i < 600; ++i) {
    const bool is_hidden = i % 3 != 0;
    const Json put = args("d" + std::to_string(i), {number(), number(), number()},
                          is_hidden ? owned_by("bert") : owned_by("anna"));
    ASSERT_EQ(call("vector_upsert", put).status, STATOR_OK);
    if (!is_hidden) {
      ASSERT_EQ(visible.call("vector_upsert", put.dump(), "c", 1).status, STATOR_OK);
    }
  }
  bind();
  for (int round = 0; round < 60; ++round) {
    const Json query = {{"query_vector", {number(), number(), number()}},
                        {"top_k", 1 + round * round % 250}};
    Json found = ask("vector_search", query);
    Json wanted = Json::parse(visible.call("vector_search", query.dump(), "c", 1).payload);
    EXPECT_EQ(found["results"], wanted["results"]) << query;
    EXPECT_LE(found["visited"], wanted["visited"]);
    EXPECT_GE(found["visited"], found["results"].size());
  }
  EXPECT_EQ(answer_of("vector_stats", Json::object()),
            "0" + visible.call("vector_stats", "{}", "c", 1).payload);
}

TEST_F(VectorRowPolicyTest, WhatIsHiddenIsMissingAndNoWriteTakesIt) {
  upsert("a", {1, 2}, owned_by("anna"));
  upsert("b", {1, 2}, owned_by("bert"));
  ask("vector_upsert", {{"document_id", "bare"}, {"vector", {1, 2}}});
  const auto before = kernel_.dump();
  bind();
  for (const char* hidden : {"b", "bare"}) {
    const Json id = {{"document_id", hidden}};
    EXPECT_EQ(answer_of("vector_get", id), answer_of("vector_get", {{"document_id", "none"}}));
    EXPECT_EQ(answer_of("vector_delete", id),
              answer_of("vector_delete", {{"document_id", "none"}}));
    const Json put = args(hidden, {3, 4}, owned_by("anna"));
    EXPECT_EQ(call("vector_upsert", put).status, STATOR_E_REJECTED_AUTHZ);
    // The refusal comes first: what else is wrong is not said of what is hidden.
    EXPECT_EQ(call("vector_upsert", args(hidden, {3, 4, 5}, {{"n", 1}})).status,
              STATOR_E_REJECTED_AUTHZ);
    const Json rows = {
        {"rows",
         {{{"document_id", "a"}, {"vector", {3, 4}}, {"payload", owned_by("anna")}},
          {{"document_id", hidden}, {"vector", {3, 4}}, {"payload", owned_by("anna")}}}}};
    EXPECT_EQ(call("vector_batch_upsert", rows).status, STATOR_E_REJECTED_AUTHZ);
  }
  // Nor gives anna a row away, or one without fields.
  EXPECT_EQ(call("vector_upsert", args("a", {3, 4}, owned_by("bert"))).status,
            STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(call("vector_upsert", {{"document_id", "new"}, {"vector", {3, 4}}}).status,
            STATOR_E_REJECTED_AUTHZ);
  const Json rows = {
      {"rows", {{{"document_id", "new"}, {"vector", {3, 4}}, {"payload", owned_by("bert")}}}}};
  EXPECT_EQ(call("vector_batch_upsert", rows).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(kernel_.dump(), before);

  EXPECT_EQ(upsert("a", {5, 6}, owned_by("anna"))["existed"], true);
  EXPECT_EQ(ask("vector_delete", {{"document_id", "a"}})["existed"], true);
}

TEST_F(VectorRowPolicyTest, SeenButNotWritableIsNotRemoved) {
  upsert("a", {1, 2}, {{"owner", "anna"}, {"open", true}});
  upsert("b", {1, 2}, {{"owner", "bert"}, {"open", true}});
  kernel_.bind_rows(R"({"open":true})", kAnnas);
  EXPECT_EQ(call("vector_delete", {{"document_id", "b"}}).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(call("vector_upsert", args("b", {1, 2}, owned_by("anna"))).status,
            STATOR_E_REJECTED_AUTHZ);
  EXPECT_THAT(found({1, 2}), ElementsAre("a", "b"));
}

// A vector that becomes hidden during a pause is answered as before or not at all, never with what
// was written then.
TEST_F(VectorRowPolicyTest, WhatIsWrittenDuringAPauseIsAskedAboutAsItIs) {
  for (int i = 0; i < 300; ++i) upsert("d" + std::to_string(i), {i, 0}, owned_by("anna"));
  bind();
  int looks = 0;
  kernel_.pause_next([&] {
    if (++looks != 2) return false;  // some have been looked at, some have not
    kernel_.unbind_rows();
    for (int i = 0; i < 300; ++i) {
      call("vector_upsert", args("d" + std::to_string(i), {1000 + i, 7}, owned_by("bert")));
    }
    bind();
    return false;
  });
  const Json answer = ask("vector_search", {{"query_vector", {0, 0}}, {"top_k", 300}});
  EXPECT_GE(looks, 2);
  EXPECT_EQ(answer["results"].size(), answer["visited"]);
  for (const Json& row : answer["results"]) EXPECT_LT(row["distance"], 1e6 - 1) << row;
}

}  // namespace
}  // namespace stator::testing
