// The engine against a naive model: random writes, restarts and replays; walks on random graphs.
#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>

#include "unit/plugins/graph/graph_fixture.h"

namespace stator::testing {
namespace {

using Names = std::vector<std::string>;

// A graph as a sorted map of edges; every question is answered by looking at all of them.
class NaiveGraph {
 public:
  using Key = std::tuple<std::string, std::string, std::string>;  // from, label, to

  bool put(const Key& key, double weight) {
    nodes_.insert(std::get<0>(key));
    nodes_.insert(std::get<2>(key));
    return !edges_.insert_or_assign(key, weight).second;
  }
  bool erase(const Key& key) { return edges_.erase(key) != 0; }
  std::size_t edge_count() const { return edges_.size(); }
  bool has_node(const std::string& node) const { return nodes_.contains(node); }

  // "direction label node weight", in (label, node) order, out before in.
  Names neighbors(const std::string& node, const std::string& label,
                  const std::string& direction) const {
    std::set<std::tuple<std::string, std::string, int, double>> rows;
    for (const auto& [key, weight] : edges_) {
      const auto& [from, edge_label, to] = key;
      if (!label.empty() && edge_label != label) continue;
      if (direction != "in" && from == node) rows.emplace(edge_label, to, 0, weight);
      if (direction != "out" && to == node) rows.emplace(edge_label, from, 1, weight);
    }
    Names out;
    for (const auto& [edge_label, other, is_in, weight] : rows) {
      out.push_back((is_in != 0 ? "in " : "out ") + edge_label + " " + other + " " +
                    std::to_string(weight));
    }
    return out;
  }
  std::set<std::string> adjacent(const std::string& node, const std::string& label,
                                 const std::string& direction) const {
    std::set<std::string> out;
    for (const auto& [key, weight] : edges_) {
      const auto& [from, edge_label, to] = key;
      if (!label.empty() && edge_label != label) continue;
      if (direction != "in" && from == node) out.insert(to);
      if (direction != "out" && to == node) out.insert(from);
    }
    return out;
  }
  // "hop:id" in (hop, id) order.
  Names hops(const Names& starts, int depth, const std::string& label,
             const std::string& direction) const {
    std::set<std::string> seen;
    std::set<std::string> level;
    for (const auto& start : starts) {
      if (has_node(start)) level.insert(start);
    }
    Names out;
    for (int hop = 0; hop <= depth && !level.empty(); ++hop) {
      std::set<std::string> next;
      for (const auto& node : level) {
        out.push_back(std::to_string(hop) + ":" + node);
        seen.insert(node);
      }
      for (const auto& node : level) next.merge(adjacent(node, label, direction));
      for (const auto& node : seen) next.erase(node);
      level = next;
    }
    return out;
  }
  // Breadth-first over whole paths in order: the first that arrives is the answer.
  std::optional<Names> path(const std::string& from, const std::string& to, std::size_t max_depth,
                            const std::string& label, const std::string& direction) const {
    if (!has_node(from) || !has_node(to)) return std::nullopt;
    std::set<std::string> seen = {from};
    std::vector<Names> level = {{from}};
    for (std::size_t depth = 0; !level.empty(); ++depth) {
      std::vector<Names> next;
      for (const Names& path : level) {
        if (path.back() == to) return path;
        for (const auto& node : adjacent(path.back(), label, direction)) {
          if (!seen.insert(node).second) continue;
          next.push_back(path);
          next.back().push_back(node);
        }
      }
      if (depth == max_depth) return std::nullopt;
      level = std::move(next);
    }
    return std::nullopt;
  }

 private:
  std::map<Key, double> edges_;
  std::set<std::string> nodes_;
};

class GraphModelTest : public GraphFixture, public ::testing::WithParamInterface<unsigned> {
 protected:
  int roll(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  // Ids of different lengths, prefixes of one another among them.
  std::string random_node() {
    static const char* const kIds[] = {"a", "ab", "abcdefgh", "abcdefghi", "abcdefghj", "b"};
    const int rolled = roll(30);
    return rolled < 6 ? kIds[rolled] : "n" + std::to_string(rolled);
  }
  std::string random_label() { return std::string(1, static_cast<char>('p' + roll(3))); }
  std::string random_direction() {
    static const char* const kDirections[] = {"out", "in", "both"};
    return kDirections[roll(3)];
  }
  NaiveGraph::Key random_edge() { return {random_node(), random_label(), random_node()}; }
  static Json args_of(const NaiveGraph::Key& key) {
    return {{"from_node", std::get<0>(key)},
            {"edge_type", std::get<1>(key)},
            {"to_node", std::get<2>(key)}};
  }

  void write() {
    const auto key = random_edge();
    Json args = args_of(key);
    if (roll(3) == 0) {
      ASSERT_EQ(ask("edge_delete", args)["existed"], model_.erase(key));
      return;
    }
    args["weight"] = roll(100);
    ASSERT_EQ(ask("edge_put", args)["existed"], model_.put(key, args["weight"].get<double>()));
  }
  void write_batch() {
    Json rows = Json::array();
    std::size_t replaced = 0;
    for (int i = 0; i < 1 + roll(8); ++i) {
      const auto key = random_edge();
      rows.push_back(args_of(key));
      rows.back()["weight"] = i;
      if (model_.put(key, i)) ++replaced;
    }
    const Json answer = ask("edge_batch_put", {{"edges", rows}});
    ASSERT_EQ(answer["put"], rows.size());
    ASSERT_EQ(answer["replaced"], replaced);
  }
  void check_neighbors() {
    const auto node = random_node();
    const auto label = roll(2) == 0 ? random_label() : "";
    const auto direction = random_direction();
    Json args = {{"node_id", node}, {"direction", direction}, {"limit", 10'000}};
    if (!label.empty()) args["edge_label"] = label;
    Names rows;
    const Json answer = ask("graph_neighbors", args);
    for (const Json& row : answer["neighbors"]) {
      rows.push_back(row["direction"].get<std::string>() + " " + row["label"].get<std::string>() +
                     " " + row["node"].get<std::string>() + " " +
                     std::to_string(row["weight"].get<double>()));
    }
    ASSERT_EQ(rows, model_.neighbors(node, label, direction));
  }
  void check_hop() {
    Names starts;
    for (int i = 0; i < 1 + roll(3); ++i) starts.push_back(random_node());
    const auto label = roll(2) == 0 ? random_label() : "";
    const auto direction = random_direction();
    const int depth = roll(5);
    Json args = {{"start_nodes", starts}, {"depth", depth}, {"direction", direction}};
    if (!label.empty()) args["edge_label"] = label;
    auto expected = model_.hops(starts, depth, label, direction);
    ASSERT_EQ(hops(ask("graph_hop", args)), expected);
    // A limit answers the first rows of the same list.
    const auto limit = static_cast<std::size_t>(1 + roll(6));
    args["limit"] = limit;
    const Json limited = ask("graph_hop", args);
    ASSERT_EQ(limited["truncated"], expected.size() > limit);
    expected.resize(std::min(limit, expected.size()));
    ASSERT_EQ(hops(limited), expected);
  }
  void check_path() {
    const auto from = random_node();
    const auto to = random_node();
    const auto label = roll(3) == 0 ? random_label() : "";
    const auto direction = random_direction();
    const auto depth = static_cast<std::size_t>(1 + roll(6));
    Json args = {{"src", from}, {"dst", to}, {"max_depth", depth}, {"direction", direction}};
    if (!label.empty()) args["edge_label"] = label;
    const auto expected = model_.path(from, to, depth, label, direction);
    const auto answer = call("graph_path", args);
    if (!expected) {
      ASSERT_EQ(answer.status, STATOR_E_NOT_FOUND) << answer.payload;
      return;
    }
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail << args;
    ASSERT_EQ(Json::parse(answer.payload),
              (Json{{"path", *expected}, {"hops", expected->size() - 1}}));
  }
  void step() {
    const int rolled = roll(100);
    if (rolled < 40) return write();
    if (rolled < 50) return write_batch();
    if (rolled < 66) return check_neighbors();
    if (rolled < 82) return check_hop();
    if (rolled < 97) return check_path();
    if (rolled < 99) return kernel_.restart();
    const auto before = kernel_.dump();
    kernel_.replay();
    ASSERT_EQ(kernel_.dump(), before);
  }

  std::mt19937_64 random_{GetParam()};
  NaiveGraph model_;
};

TEST_P(GraphModelTest, EqualsTheModelAlsoAcrossRestartAndReplay) {
  for (int i = 0; i < 1200; ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    step();
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(ask("graph_stats", Json::object())["edges"], model_.edge_count());
}

INSTANTIATE_TEST_SUITE_P(Seeds, GraphModelTest, ::testing::Values(1u, 2u, 3u));

}  // namespace
}  // namespace stator::testing
