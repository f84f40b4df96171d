// Row policies on graphs: the row is an edge's properties, and a node is there for whoever sees one
// of its edges. What a policy hides is neither shown nor walked along, so every answer is that of a
// graph without the hidden edges; and no write takes or removes one.
#include <map>
#include <random>

#include <gmock/gmock.h>

#include "unit/plugins/graph/graph_fixture.h"

namespace stator::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kAnnas = R"({"owner":"anna"})";

Json edge(const std::string& from, const std::string& to, const Json& properties,
          const std::string& label = "x") {
  return {{"from_node", from}, {"to_node", to}, {"edge_type", label}, {"properties", properties}};
}
Json owned_by(const char* owner) { return {{"owner", owner}}; }

class GraphRowPolicyTest : public GraphFixture {
 protected:
  void bind() { kernel_.bind_rows(kAnnas, kAnnas); }
  static std::string text_of(const testkit::Answer& answer) {
    return std::to_string(answer.status) + answer.field + answer.detail + answer.payload;
  }
  std::string answer_of(const std::string& op, const Json& args) { return text_of(call(op, args)); }
};

// Seeds that are of both graphs, and one that is none of either.
testkit::Answer search(void*, std::string_view, std::string_view) {
  testkit::Answer answer;
  answer.payload = R"({"results":[{"document_id":"n3","distance":0.5},)"
                   R"({"document_id":"n9","distance":1.5},{"document_id":"none","distance":2}]})";
  return answer;
}

// Against a graph that never held what is hidden: every op that reads, on random graphs.
TEST_F(GraphRowPolicyTest, EveryReadAnswersAsIfHiddenEdgesWereNotThere) {
  std::mt19937 random(11);
  testkit::FakeKernel visible(&stator_engine_entry_v1);
  kernel_.set_callee(&search, nullptr);
  visible.set_callee(&search, nullptr);
  std::map<std::string, Json> edges;
  const auto node = [&](unsigned of) { return "n" + std::to_string(random() % of); };
  for (int i = 0; i < 260; ++i) {
    const bool is_hidden = random() % 3 == 0;
    // Some nodes have hidden edges only, n0 has mostly hidden ones.
    Json properties = is_hidden ? owned_by("bert") : owned_by("anna");
    properties["i"] = i;
    const std::string from = is_hidden && random() % 4 == 0 ? "n0" : node(60);
    const std::string to = is_hidden ? node(90) : node(60);
    const std::string label =
        is_hidden && random() % 5 == 0 ? "secret" : "l" + std::to_string(random() % 3);
    // Of two puts of one edge the last counts, also when it hides what was visible.
    const Json put = edge(from, to, properties, label);
    ASSERT_EQ(call("edge_put", put).status, STATOR_OK);
    edges[from + " " + to + " " + label] = put;
  }
  for (const auto& [name, put] : edges) {
    if (put["properties"]["owner"] != "anna") continue;
    ASSERT_EQ(visible.call("edge_put", put.dump(), "g", 1).status, STATOR_OK);
  }
  bind();
  const auto compare = [&](const char* op, const Json& args) {
    const auto wanted = visible.call(op, args.dump(), "g", 1);
    EXPECT_EQ(answer_of(op, args), text_of(wanted)) << op << args;
  };
  for (int i = 0; i < 60; ++i) {
    for (const char* direction : {"out", "in", "both"}) {
      for (const int limit : {1, 3, 1000}) {
        compare("graph_neighbors",
                {{"node_id", "n" + std::to_string(i)}, {"direction", direction}, {"limit", limit}});
      }
      const Json secret = {{"node_id", "n0"}, {"direction", direction}, {"edge_label", "secret"}};
      compare("graph_neighbors", secret);
    }
  }
  compare("graph_stats", Json::object());
  const Json seen_nodes = {"n1", "n3", "n5", "none"};
  for (int depth = 0; depth < 6; ++depth) {
    for (const char* direction : {"out", "in", "both"}) {
      for (const int visited : {1, 7, 30, 1000}) {
        compare("graph_hop", {{"start_nodes", seen_nodes},
                              {"depth", depth},
                              {"direction", direction},
                              {"limit", visited},
                              {"max_visited", visited}});
        compare("graph_rag_fusion", {{"query_vector", {1}},
                                     {"expansion_depth", depth},
                                     {"direction", direction},
                                     {"max_visited", visited},
                                     {"final_top_k", 30}});
      }
    }
  }
  for (int i = 0; i < 400; ++i) {
    const std::string from = node(60);
    const std::string to = node(60);
    compare("graph_path", {{"src", from}, {"dst", to}, {"max_depth", 1 + i % 9}});
  }
}

TEST_F(GraphRowPolicyTest, ANodeIsThereForWhoSeesOneOfItsEdges) {
  ask("edge_put", edge("a", "b", owned_by("anna")));
  ask("edge_put", edge("b", "h", owned_by("bert")));
  ask("edge_put", edge("h", "c", owned_by("anna")));
  ask("edge_put", edge("k", "l", owned_by("bert"), "secret"));
  ask("edge_put", {{"from_node", "m"}, {"to_node", "a"}, {"edge_type", "bare"}});
  bind();
  EXPECT_EQ(ask("graph_stats", Json::object()), (Json{{"nodes", 4}, {"edges", 2}, {"labels", 1}}));
  const Json walk = {{"start_nodes", {"a", "k", "m"}}, {"direction", "both"}, {"depth", 5}};
  EXPECT_THAT(hops(ask("graph_hop", walk)), ElementsAre("0:a", "1:b"));
  for (const char* hidden : {"k", "m"}) {
    const Json of_hidden = {{"src", hidden}, {"dst", hidden}};
    const auto refused = call("graph_path", of_hidden);
    expect_refusal(refused, STATOR_E_NOT_FOUND, "src");
  }
  // Through a hidden edge no path goes, and no other sentence tells that there is one.
  EXPECT_EQ(answer_of("graph_path", {{"src", "a"}, {"dst", "c"}, {"direction", "both"}}),
            answer_of("graph_path", {{"src", "c"}, {"dst", "a"}, {"direction", "both"}}));
  expect_refusal(call("graph_path", {{"src", "a"}, {"dst", "k"}}), STATOR_E_NOT_FOUND, "dst");
}

TEST_F(GraphRowPolicyTest, NoWriteTakesOrRemovesAHiddenEdge) {
  ask("edge_put", edge("a", "b", owned_by("anna")));
  ask("edge_put", edge("a", "h", owned_by("bert")));
  ask("edge_put", {{"from_node", "a"}, {"to_node", "bare"}, {"edge_type", "x"}});
  const auto before = kernel_.dump();
  bind();
  for (const char* hidden : {"h", "bare"}) {
    const Json named = {{"from_node", "a"}, {"to_node", hidden}, {"edge_type", "x"}};
    const Json missing = {{"from_node", "a"}, {"to_node", "none"}, {"edge_type", "x"}};
    EXPECT_EQ(answer_of("edge_delete", named), answer_of("edge_delete", missing));
    const Json put = edge("a", hidden, owned_by("anna"));
    EXPECT_EQ(call("edge_put", put).status, STATOR_E_REJECTED_AUTHZ);
    const Json rows = {{"edges", {edge("a", "b", owned_by("anna")), put}}};
    EXPECT_EQ(call("edge_batch_put", rows).status, STATOR_E_REJECTED_AUTHZ);
  }
  for (const Json& properties : {owned_by("bert"), Json::object()}) {
    for (const char* to : {"new", "b"}) {
      EXPECT_EQ(call("edge_put", edge("a", to, properties)).status, STATOR_E_REJECTED_AUTHZ);
    }
  }
  EXPECT_EQ(kernel_.dump(), before);
  EXPECT_EQ(ask("edge_put", edge("a", "b", owned_by("anna")))["existed"], true);
  const Json own = {{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "x"}};
  EXPECT_EQ(ask("edge_delete", own)["existed"], true);
}

TEST_F(GraphRowPolicyTest, SeenButNotWritableIsNotRemoved) {
  ask("edge_put", edge("a", "b", {{"owner", "bert"}, {"open", true}}));
  kernel_.bind_rows(R"({"open":true})", kAnnas);
  const Json named = {{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "x"}};
  EXPECT_EQ(call("edge_delete", named).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(call("edge_put", edge("a", "b", owned_by("anna"))).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "a"}})), ElementsAre("out x b"));
}

// A hub is walked in parts, and edges that come or go meanwhile do no harm.
TEST_F(GraphRowPolicyTest, EdgesThatChangeDuringAPauseAreSeenAsBeforeOrNotAtAll) {
  for (int i = 0; i < 900; ++i) {
    const std::string to = "n" + std::to_string(1000 + i);
    ask("edge_put", edge("hub", to, i % 2 == 0 ? owned_by("anna") : owned_by("bert")));
  }
  bind();
  int looks = 0;
  const auto on_pause = [&] {
    kernel_.unbind_rows();
    const std::string n = "n" + std::to_string(1000 + 20 * looks);
    call("edge_delete", {{"from_node", "hub"}, {"to_node", n}, {"edge_type", "x"}});
    call("edge_put", edge("hub", n + "b", owned_by("anna")));
    call("edge_put", edge("hub", "n" + std::to_string(1002 + 40 * looks), owned_by("bert")));
    bind();
    ++looks;
    return false;
  };
  kernel_.pause_next(on_pause);
  const Json found = ask("graph_neighbors", {{"node_id", "hub"}, {"limit", 1000}});
  EXPECT_GT(looks, 3);
  EXPECT_LE(found["neighbors"].size(), 450u);
  EXPECT_GE(found["neighbors"].size(), static_cast<std::size_t>(450 - looks));
  for (const Json& row : found["neighbors"]) {
    EXPECT_EQ(row["properties"], owned_by("anna")) << row;
  }
  looks = 0;
  kernel_.pause_next(on_pause);
  const Json walked = ask("graph_hop", {{"start_nodes", {"hub"}}, {"depth", 1}});
  EXPECT_GT(looks, 3);
  EXPECT_THAT(hops(walked), Not(IsEmpty()));
}

// Without policies too: a listing may be paused since policies made it long.
TEST_F(GraphRowPolicyTest, AListingGoesOnWhereItWasWhenEdgesCameMeanwhile) {
  for (int i = 0; i < 900; ++i)
    ask("edge_put", edge("hub", "n" + std::to_string(1000 + i), owned_by("anna")));
  int looks = 0;
  kernel_.pause_next([&] {
    call("edge_put", edge("hub", "n" + std::to_string(1000 + looks) + "b", owned_by("anna")));
    call("edge_put", edge("hub", "z" + std::to_string(looks++), owned_by("anna")));
    return false;
  });
  const Json found = ask("graph_neighbors", {{"node_id", "hub"}, {"limit", 1000}});
  EXPECT_GT(looks, 1);
  EXPECT_EQ(found["neighbors"].size(), 900u);
}

}  // namespace
}  // namespace stator::testing
