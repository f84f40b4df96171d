// What each op of the graph engine promises, through a fake kernel.
#include <set>
#include <string>

#include <gmock/gmock.h>

#include "unit/plugins/graph/graph_fixture.h"

namespace stator::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using EdgePutTest = GraphFixture;
using EdgeDeleteTest = GraphFixture;
using EdgeBatchPutTest = GraphFixture;
using GraphNeighborsTest = GraphFixture;
using GraphHopTest = GraphFixture;
using GraphPathTest = GraphFixture;
using GraphEngineTest = GraphFixture;

TEST_F(EdgePutTest, AddsAnEdgeAndReplacesWeightAndProperties) {
  const Json edge = {{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "knows"}};
  Json first = edge;
  first["weight"] = 0.5;
  first["properties"] = {{"since", 2001}};
  EXPECT_EQ(ask("edge_put", first), (Json{{"existed", false}, {"lsn", 1}}));
  const Json stored = {{"node", "b"},
                       {"label", "knows"},
                       {"direction", "out"},
                       {"weight", 0.5},
                       {"properties", {{"since", 2001}}}};
  EXPECT_EQ(ask("graph_neighbors", {{"node_id", "a"}}),
            (Json{{"neighbors", {stored}}, {"truncated", false}}));

  EXPECT_EQ(ask("edge_put", edge), (Json{{"existed", true}, {"lsn", 2}}));
  const Json replaced = {{"node", "b"}, {"label", "knows"}, {"direction", "out"}, {"weight", 1.0}};
  EXPECT_EQ(ask("graph_neighbors", {{"node_id", "a"}})["neighbors"], Json{replaced});
  EXPECT_EQ(ask("graph_stats", Json::object()), (Json{{"nodes", 2}, {"edges", 1}, {"labels", 1}}));
}

TEST_F(EdgePutTest, AcceptsTheOtherNamesOfItsFields) {
  ask("edge_put", {{"src", "a"}, {"dst", "b"}, {"label", "x"}, {"properties", nullptr}});
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "a"}})), ElementsAre("out x b"));
}

TEST_F(EdgePutTest, RefusesBadFieldsByName) {
  const Json edge = {{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "x"}};
  const auto refused = [&](const char* field, const Json& value) {
    Json args = edge;
    args[field] = value;
    expect_refusal(call("edge_put", args), STATOR_E_BAD_REQUEST, field);
  };
  for (const char* field : {"from_node", "to_node"}) {
    refused(field, "");
    refused(field, std::string(257, 'n'));
    refused(field, 7);
  }
  refused("edge_type", "");
  refused("edge_type", std::string(65, 'l'));
  refused("weight", "heavy");
  refused("properties", Json::array());
  EXPECT_EQ(kernel_.last_lsn(), 0u);
}

TEST_F(EdgePutTest, HoldsTheLongestNames) {
  const std::string from(256, 'f');
  const std::string to(256, 't');
  const std::string label(64, 'l');
  put(from, label, to);
  kernel_.restart();
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", to}, {"direction", "in"}})),
              ElementsAre("in " + label + " " + from));
}

TEST_F(EdgeDeleteTest, TakesTheEdgeAwayAndKeepsTheNodesKnown) {
  put("a", "x", "b");
  put("a", "y", "b");
  const Json edge = {{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "x"}};
  EXPECT_EQ(ask("edge_delete", edge), (Json{{"existed", true}, {"lsn", 3}}));
  EXPECT_EQ(ask("edge_delete", edge), (Json{{"existed", false}, {"lsn", 0}}));
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "b"}, {"direction", "in"}})),
              ElementsAre("in y a"));
  EXPECT_EQ(ask("graph_stats", Json::object()), (Json{{"nodes", 2}, {"edges", 1}, {"labels", 2}}));
  EXPECT_EQ(put("a", "x", "b")["existed"], false);
  EXPECT_EQ(ask("graph_stats", Json::object())["edges"], 2);
}

TEST_F(EdgeDeleteTest, OfWhatNeverWasIsNoError) {
  const Json edge = {{"src", "a"}, {"dst", "b"}, {"label", "x"}};
  EXPECT_EQ(ask("edge_delete", edge), (Json{{"existed", false}, {"lsn", 0}}));
  EXPECT_EQ(ask("graph_stats", Json::object())["nodes"], 0);
}

TEST_F(EdgeBatchPutTest, CountsReplacedAndTheLastRowOfAnEdgeWins) {
  put("a", "x", "b");
  const Json rows = {{{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "x"}, {"weight", 2}},
                     {{"from_node", "a"}, {"to_node", "c"}, {"edge_type", "x"}, {"weight", 3}},
                     {{"from_node", "a"}, {"to_node", "c"}, {"edge_type", "x"}, {"weight", 4}}};
  EXPECT_EQ(ask("edge_batch_put", {{"edges", rows}}),
            (Json{{"put", 3}, {"replaced", 2}, {"lsn", 2}}));
  const Json answer = ask("graph_neighbors", {{"node_id", "a"}})["neighbors"];
  ASSERT_EQ(answer.size(), 2u);
  EXPECT_EQ(answer[0]["weight"], 2.0);
  EXPECT_EQ(answer[1]["weight"], 4.0);
}

TEST_F(EdgeBatchPutTest, ABadRowPutsNothing) {
  const Json rows = {{{"from_node", "a"}, {"to_node", "b"}, {"edge_type", "x"}},
                     {{"from_node", "a"}, {"edge_type", "x"}}};
  expect_refusal(call("edge_batch_put", {{"edges", rows}}), STATOR_E_BAD_REQUEST,
                 "edges[1].to_node");
  expect_refusal(call("edge_batch_put", {{"edges", Json::array()}}), STATOR_E_BAD_REQUEST, "edges");
  EXPECT_TRUE(kernel_.dump().empty());
}

TEST_F(GraphNeighborsTest, AreInLabelThenNodeOrderWhateverTheOrderOfWriting) {
  put("a", "z", "c");
  put("a", "z", "b");
  put("d", "y", "a");
  put("a", "y", "d");
  put("a", "y", "a");
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "a"}})),
              ElementsAre("out y a", "out y d", "out z b", "out z c"));
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "a"}, {"direction", "in"}})),
              ElementsAre("in y a", "in y d"));
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "a"}, {"direction", "both"}})),
              ElementsAre("out y a", "in y a", "out y d", "in y d", "out z b", "out z c"));
}

TEST_F(GraphNeighborsTest, AnUnknownLabelMatchesNothingAndNullMatchesAll) {
  put("a", "x", "b");
  put("a", "y", "c");
  const auto of_label = [&](const Json& label) {
    return neighbors(ask("graph_neighbors", {{"node_id", "a"}, {"edge_label", label}}));
  };
  EXPECT_THAT(of_label("y"), ElementsAre("out y c"));
  EXPECT_THAT(of_label("nobody"), IsEmpty());
  EXPECT_THAT(of_label(nullptr), ElementsAre("out x b", "out y c"));
}

TEST_F(GraphNeighborsTest, SayWhetherTheLimitCutSomethingOff) {
  for (const char* node : {"b", "c", "d"}) put("a", "x", node);
  const auto limited = [&](int limit) {
    return ask("graph_neighbors", {{"node_id", "a"}, {"limit", limit}});
  };
  EXPECT_THAT(neighbors(limited(2)), ElementsAre("out x b", "out x c"));
  EXPECT_EQ(limited(2)["truncated"], true);
  EXPECT_EQ(limited(3)["truncated"], false);
  for (const int limit : {0, 10'001}) {
    expect_refusal(call("graph_neighbors", {{"node_id", "a"}, {"limit", limit}}),
                   STATOR_E_BAD_REQUEST, "limit");
  }
}

TEST_F(GraphNeighborsTest, OfAnUnknownNodeAreNoneAndAnUnknownDirectionIsRefused) {
  EXPECT_EQ(ask("graph_neighbors", {{"node_id", "a"}}),
            (Json{{"neighbors", Json::array()}, {"truncated", false}}));
  put("a", "x", "b");
  EXPECT_THAT(neighbors(ask("graph_neighbors", {{"node_id", "nobody"}})), IsEmpty());
  expect_refusal(call("graph_neighbors", {{"node_id", "a"}, {"direction", "sideways"}}),
                 STATOR_E_BAD_REQUEST, "direction");
}

TEST_F(GraphHopTest, AnswersHopThenIdWithTheStartNodesAsHopZero) {
  put("s", "x", "c");
  put("s", "x", "b");
  put("b", "x", "a");
  put("c", "x", "s");
  put("a", "x", "e");
  EXPECT_THAT(hops(ask("graph_hop", {{"start_nodes", {"s"}}})),
              ElementsAre("0:s", "1:b", "1:c", "2:a"));
  EXPECT_THAT(hops(ask("graph_hop", {{"start_nodes", {"s"}}, {"depth", 0}})), ElementsAre("0:s"));
  EXPECT_THAT(hops(ask("graph_hop", {{"start_nodes", {"s"}}, {"depth", 64}})),
              ElementsAre("0:s", "1:b", "1:c", "2:a", "3:e"));
  EXPECT_THAT(hops(ask("graph_hop", {{"start_nodes", {"s", "nobody", "a", "s"}}, {"depth", 1}})),
              ElementsAre("0:a", "0:s", "1:b", "1:c", "1:e"));
  EXPECT_THAT(hops(ask("graph_hop", {{"start_nodes", {"nobody"}}})), IsEmpty());
}

TEST_F(GraphHopTest, FollowsLabelAndDirection) {
  put("a", "x", "b");
  put("b", "y", "c");
  put("d", "x", "a");
  const auto from_a = [&](const char* key, const Json& value) {
    return hops(ask("graph_hop", {{"start_nodes", {"a"}}, {key, value}}));
  };
  EXPECT_THAT(from_a("edge_label", "x"), ElementsAre("0:a", "1:b"));
  EXPECT_THAT(from_a("edge_label", "nobody"), ElementsAre("0:a"));
  EXPECT_THAT(from_a("direction", "in"), ElementsAre("0:a", "1:d"));
  EXPECT_THAT(from_a("direction", "both"), ElementsAre("0:a", "1:b", "1:d", "2:c"));
}

TEST_F(GraphHopTest, LimitsOnRowsAndVisitsSayTruncatedOnlyIfTheyCutSomethingOff) {
  for (const char* node : {"b", "c", "d"}) put("a", "x", node);
  put("b", "x", "e");
  const auto limited = [&](const char* key, int value) {
    return ask("graph_hop", {{"start_nodes", {"a"}}, {key, value}});
  };
  EXPECT_THAT(hops(limited("limit", 2)), ElementsAre("0:a", "1:b"));
  EXPECT_EQ(limited("limit", 2)["truncated"], true);
  EXPECT_EQ(limited("limit", 4)["truncated"], true);
  EXPECT_EQ(limited("limit", 5)["truncated"], false);
  EXPECT_THAT(hops(limited("max_visited", 3)), ElementsAre("0:a", "1:b", "1:c"));
  EXPECT_EQ(limited("max_visited", 3)["truncated"], true);
  EXPECT_EQ(limited("max_visited", 5)["truncated"], false);
  EXPECT_THAT(hops(ask("graph_hop", {{"start_nodes", {"a", "b"}}, {"max_visited", 1}})),
              ElementsAre("0:a", "0:b"));
  expect_refusal(call("graph_hop", {{"start_nodes", {"a"}}, {"depth", 65}}), STATOR_E_BAD_REQUEST,
                 "depth");
  expect_refusal(call("graph_hop", {{"start_nodes", Json::array()}}), STATOR_E_BAD_REQUEST,
                 "start_nodes");
}

TEST_F(GraphPathTest, IsTheShortestAndOfSeveralTheFirstByIds) {
  put("s", "z", "b");
  put("s", "a", "c");
  put("b", "z", "t");
  put("c", "a", "t");
  put("s", "a", "u");
  EXPECT_EQ(ask("graph_path", {{"src", "s"}, {"dst", "t"}}),
            (Json{{"path", {"s", "b", "t"}}, {"hops", 2}}));
  EXPECT_EQ(ask("graph_path", {{"src", "s"}, {"dst", "t"}, {"edge_label", "a"}})["path"],
            (Json{"s", "c", "t"}));
  EXPECT_EQ(ask("graph_path", {{"src", "t"}, {"dst", "u"}, {"direction", "both"}})["path"],
            (Json{"t", "b", "s", "u"}));
  EXPECT_EQ(ask("graph_path", {{"from_node", "t"}, {"to_node", "s"}, {"direction", "in"}})["path"],
            (Json{"t", "b", "s"}));
}

TEST_F(GraphPathTest, FromANodeToItselfIsTheNode) {
  put("a", "x", "b");
  EXPECT_EQ(ask("graph_path", {{"src", "b"}, {"dst", "b"}}), (Json{{"path", {"b"}}, {"hops", 0}}));
  expect_refusal(call("graph_path", {{"src", "z"}, {"dst", "z"}}), STATOR_E_NOT_FOUND, "src");
}

TEST_F(GraphPathTest, IsNotFoundWithoutPathNodeOrDepth) {
  put("a", "x", "b");
  put("b", "x", "c");
  EXPECT_EQ(call("graph_path", {{"src", "c"}, {"dst", "a"}}).status, STATOR_E_NOT_FOUND);
  EXPECT_EQ(call("graph_path", {{"src", "a"}, {"dst", "c"}, {"max_depth", 1}}).status,
            STATOR_E_NOT_FOUND);
  EXPECT_EQ(ask("graph_path", {{"src", "a"}, {"dst", "c"}, {"max_depth", 2}})["hops"], 2);
  EXPECT_EQ(call("graph_path", {{"src", "a"}, {"dst", "b"}, {"edge_label", "y"}}).status,
            STATOR_E_NOT_FOUND);
  expect_refusal(call("graph_path", {{"src", "a"}, {"dst", "z"}}), STATOR_E_NOT_FOUND, "dst");
  expect_refusal(call("graph_path", {{"src", "a"}, {"dst", "b"}, {"max_depth", 0}}),
                 STATOR_E_BAD_REQUEST, "max_depth");
}

TEST_F(GraphEngineTest, CollectionsAndTenantsDoNotSeeOneAnother) {
  put("a", "x", "b");
  ask("edge_put", {{"src", "a"}, {"dst", "c"}, {"label", "y"}}, "g", 2);
  ask("edge_put", {{"src", "a"}, {"dst", "d"}, {"label", "z"}}, "h", 1);
  for (int round = 0; round < 2; ++round) {
    const Json args = {{"node_id", "a"}};
    EXPECT_THAT(neighbors(ask("graph_neighbors", args)), ElementsAre("out x b"));
    EXPECT_THAT(neighbors(ask("graph_neighbors", args, "g", 2)), ElementsAre("out y c"));
    EXPECT_THAT(neighbors(ask("graph_neighbors", args, "h", 1)), ElementsAre("out z d"));
    kernel_.restart();
  }
}

TEST_F(GraphEngineTest, AnInterruptedReadAnswersDeadlineExceeded) {
  put("a", "x", "b");
  const std::pair<const char*, Json> reads[] = {{"graph_neighbors", {{"node_id", "a"}}},
                                                {"graph_hop", {{"start_nodes", {"a"}}}},
                                                {"graph_path", {{"src", "a"}, {"dst", "b"}}}};
  for (const auto& [op, args] : reads) {
    kernel_.interrupt_next();
    EXPECT_EQ(call(op, args).status, STATOR_E_DEADLINE_EXCEEDED) << op;
  }
  kernel_.interrupt_next();
  const Json rows = {{{"from_node", "a"}, {"to_node", "c"}, {"edge_type", "x"}}};
  EXPECT_EQ(call("edge_batch_put", {{"edges", rows}}).status, STATOR_E_DEADLINE_EXCEEDED);
  EXPECT_EQ(ask("graph_stats", Json::object())["edges"], 1);
}

// A hub with edges enough for several looks.
class PausedWalkTest : public GraphFixture {
 protected:
  static constexpr int kSpokes = 2000;
  static std::string spoke(int i) { return "s" + std::to_string(10'000 + i); }
  void SetUp() override {
    Json rows = Json::array();
    for (int i = 0; i < kSpokes; ++i) {
      rows.push_back({{"from_node", "hub"}, {"to_node", spoke(i)}, {"edge_type", "x"}});
    }
    ask("edge_batch_put", {{"edges", rows}});
  }
  void put_edge(const std::string& from, const std::string& to) {
    ask("edge_put", {{"from_node", from}, {"to_node", to}, {"edge_type", "x"}});
  }
  void delete_edge(const std::string& from, const std::string& to) {
    ask("edge_delete", {{"from_node", from}, {"to_node", to}, {"edge_type", "x"}});
  }
};

TEST_F(PausedWalkTest, FollowsEveryEdgeThatStandsAllTheTime) {
  int pauses = 0;
  kernel_.pause_next([&] {
    // Edges come and go all over the hub, and new nodes with them: runs are cut and emptied.
    for (int i = 0; i < 200; ++i) put_edge("hub", spoke(i * 9) + "-" + std::to_string(pauses));
    for (int i = 0; i < 100; ++i) delete_edge("hub", spoke(7 + 13 * i + pauses));
    ++pauses;
    return false;
  });
  const Json rows =
      ask("graph_hop", {{"start_nodes", {"hub"}}, {"depth", 1}, {"limit", 10000}})["rows"];
  EXPECT_GE(pauses, 5);
  std::set<std::string> seen;
  for (const Json& row : rows) EXPECT_TRUE(seen.insert(row["node"]).second) << "twice";
  std::set<std::string> gone;
  for (int pause = 0; pause < pauses; ++pause) {
    for (int i = 0; i < 100; ++i) gone.insert(spoke(7 + 13 * i + pause));
  }
  for (int i = 0; i < kSpokes; ++i) {
    EXPECT_TRUE(seen.contains(spoke(i)) || gone.contains(spoke(i))) << i;
  }
}

TEST_F(PausedWalkTest, APathThatIsTakenAwayUnderTheWalkIsAConflict) {
  put_edge(spoke(kSpokes - 1), "end");
  int pauses = 0;
  kernel_.pause_next([&] {
    if (++pauses == 3) delete_edge("hub", spoke(kSpokes - 1));
    return false;
  });
  const auto answer = call("graph_path", {{"src", "hub"}, {"dst", "end"}});
  EXPECT_EQ(answer.status, STATOR_E_CONFLICT_RETRY) << answer.payload << answer.detail;
  EXPECT_EQ(call("graph_path", {{"src", "hub"}, {"dst", "end"}}).status, STATOR_E_NOT_FOUND);
}

TEST_F(EdgePutTest, OfADroppedTenantNothingIsLeft) {
  put("a", "x", "b");
  const auto kept = kernel_.dump();
  for (int i = 0; i < 1200; ++i) {
    const Json edge = {
        {"from_node", "hub"}, {"to_node", "n" + std::to_string(i)}, {"edge_type", "y"}};
    ASSERT_EQ(call("edge_put", edge, "g" + std::to_string(i % 2), 2).status, STATOR_OK);
  }
  kernel_.drop_tenant(2);
  EXPECT_EQ(kernel_.dump(), kept);
  for (const char* collection : {"g0", "g1"}) {
    EXPECT_EQ(ask("graph_stats", Json::object(), collection, 2),
              (Json{{"nodes", 0}, {"edges", 0}, {"labels", 0}}));
  }
  EXPECT_EQ(ask("graph_stats", Json::object())["edges"], 1);
}

}  // namespace
}  // namespace stator::testing
