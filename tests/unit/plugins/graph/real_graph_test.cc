// Breadth-first distances against the expected outputs of LDBC Graphalytics, and a hub.
#include <map>
#include <sstream>

#include "unit/plugins/graph/graph_fixture.h"
#include "unit/plugins/vector/shared_data.h"

namespace stator::testing {
namespace {

struct BfsCase {
  const char* edges;
  const char* expected;
  const char* direction;
  bool is_adjacency_list;  // lines "node neighbour neighbour ..."; else "from to [weight]"
};

class GraphalyticsTest : public GraphFixture, public ::testing::WithParamInterface<BfsCase> {
 protected:
  static Json edges_of(const std::string& text, bool is_adjacency_list) {
    Json edges = Json::array();
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string from;
      words >> from;
      for (std::string to; words >> to;) {
        edges.push_back({{"from_node", from}, {"to_node", to}, {"edge_type", "e"}});
        if (!is_adjacency_list) break;
      }
    }
    return edges;
  }
};

TEST_P(GraphalyticsTest, HopsAreTheExpectedDistances) {
  const BfsCase& graph = GetParam();
  const auto folder = shared_data("graph/graphalytics");
  if (!folder) GTEST_SKIP() << "no shared/data/graph/graphalytics";
  ask("edge_batch_put",
      {{"edges", edges_of(read_all(*folder / graph.edges), graph.is_adjacency_list)}});
  kernel_.restart();

  std::map<std::string, int> expected;
  std::string source;
  std::istringstream lines(read_all(*folder / graph.expected));
  std::string node;
  std::string distance;
  while (lines >> node >> distance) {
    if (distance == "9223372036854775807") continue;  // not reached
    expected[node] = std::stoi(distance);
    if (distance == "0") source = node;
  }
  ASSERT_FALSE(source.empty());
  std::map<std::string, int> reached;
  const Json answer =
      ask("graph_hop", {{"start_nodes", {source}}, {"depth", 64}, {"direction", graph.direction}});
  for (const Json& row : answer["rows"]) reached[row["node"]] = row["hop"];
  EXPECT_EQ(reached, expected);
}

INSTANTIATE_TEST_SUITE_P(Graphs, GraphalyticsTest,
                         ::testing::Values(BfsCase{"example/example-directed.e",
                                                   "example/example-directed-BFS", "out", false},
                                           BfsCase{"example/example-undirected.e",
                                                   "example/example-undirected-BFS", "both", false},
                                           BfsCase{"bfs/dir-input", "bfs/dir-output", "out", true},
                                           BfsCase{"bfs/undir-input", "bfs/undir-output", "both",
                                                   true}));

using HubTest = GraphFixture;

TEST_F(HubTest, AnswersInOrderWhateverTheOrderOfWriting) {
  constexpr int kEdges = 5'000;
  const auto leaf = [](int i) { return "leaf" + std::to_string(1'000'000 + i * 7919 % kEdges); };
  Json edges = Json::array();
  for (int i = 0; i < kEdges; ++i) {
    edges.push_back({{"from_node", "hub"}, {"to_node", leaf(i)}, {"edge_type", "e"}});
  }
  ASSERT_EQ(ask("edge_batch_put", {{"edges", edges}})["replaced"], 0);
  EXPECT_EQ(ask("graph_stats", Json::object())["edges"], kEdges);
  kernel_.restart();
  const Json answer = ask("graph_neighbors", {{"node_id", "hub"}, {"limit", 2}});
  EXPECT_EQ(answer["truncated"], true);
  EXPECT_EQ(answer["neighbors"][0]["node"], "leaf1000000");
  EXPECT_EQ(answer["neighbors"][1]["node"], "leaf1000001");
  const Json rows = ask("graph_hop", {{"start_nodes", {"hub"}}, {"limit", 4'000}});
  EXPECT_EQ(rows["truncated"], true);
  EXPECT_EQ(rows["rows"][3'999]["node"], "leaf1003998");
  const Json path = {{"src", "leaf1000005"}, {"dst", "leaf1004999"}, {"direction", "both"}};
  EXPECT_EQ(ask("graph_path", path)["path"], (Json{"leaf1000005", "hub", "leaf1004999"}));
}

}  // namespace
}  // namespace stator::testing
