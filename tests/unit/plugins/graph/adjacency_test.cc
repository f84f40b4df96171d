#include <algorithm>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

#include "adjacency/graph.h"
#include "adjacency/half_edges.h"
#include "stored_form.h"
#include "traverse/number_map.h"

namespace stator::graph {
namespace {

std::vector<Half> all_of(HalfEdges::Cursor cursor) {
  std::vector<Half> out;
  for (Half half{}; cursor.next(half);) out.push_back(half);
  return out;
}

class HalfEdgesTest : public ::testing::Test {
 protected:
  HalfEdgesTest() {
    // Numbers run against the order of names.
    for (Number i = 0; i < kNodes; ++i) nodes_.intern(std::to_string(9'999 - i));
    labels_.intern("z");
    labels_.intern("a");
    for (Number i = 0; i < kNodes; ++i) {
      halves_.push_back({0, i});
      halves_.push_back({1, i});
    }
    std::shuffle(halves_.begin(), halves_.end(), std::mt19937_64(5));
  }
  static constexpr Number kNodes = 3000;
  Names nodes_;
  Names labels_;
  HalfOrder order_{nodes_, labels_};
  std::vector<Half> halves_;
  HalfEdges edges_;
};

TEST_F(HalfEdgesTest, StaySortedByNameOverManyRuns) {
  for (const Half& half : halves_) EXPECT_TRUE(edges_.insert(half, order_));
  for (const Half& half : halves_) EXPECT_FALSE(edges_.insert(half, order_));
  auto sorted = halves_;
  std::sort(sorted.begin(), sorted.end(), order_);
  EXPECT_EQ(all_of(edges_.all()), sorted);
  const auto of_a = all_of(edges_.of_label(1, order_));
  const auto of_z = all_of(edges_.of_label(0, order_));
  ASSERT_EQ(of_a.size(), kNodes);
  EXPECT_TRUE(std::equal(of_a.begin(), of_a.end(), sorted.begin()));
  EXPECT_TRUE(std::equal(of_z.begin(), of_z.end(), sorted.begin() + kNodes));
}

TEST_F(HalfEdgesTest, ForgetWhatIsErasedDownToNothing) {
  for (const Half& half : halves_) edges_.insert(half, order_);
  for (std::size_t i = 0; i < halves_.size(); ++i) {
    ASSERT_TRUE(edges_.contains(halves_[i], order_));
    ASSERT_TRUE(edges_.erase(halves_[i], order_));
    ASSERT_FALSE(edges_.erase(halves_[i], order_));
    ASSERT_FALSE(edges_.contains(halves_[i], order_));
    if (i % 500 == 0) {
      ASSERT_EQ(all_of(edges_.all()).size(), halves_.size() - i - 1);
    }
  }
  EXPECT_TRUE(all_of(edges_.all()).empty());
  EXPECT_TRUE(edges_.insert(halves_[0], order_));
  EXPECT_EQ(all_of(edges_.all()).size(), 1u);
}

TEST(GraphTest, AHubOfAHundredThousandEdgesKeepsEachOnce) {
  constexpr Number kEdges = 100'000;
  Graph graph;
  const Number hub = graph.nodes().intern("hub");
  const Number label = graph.labels().intern("e");
  for (Number i = 0; i < kEdges; ++i) {
    const std::string leaf = std::to_string(i * 7919 % kEdges);
    ASSERT_TRUE(graph.put({hub, label, graph.nodes().intern(leaf)}));
  }
  EXPECT_FALSE(graph.put({hub, label, 1}));
  EXPECT_EQ(graph.edge_count(), kEdges);
  const auto halves = all_of(graph.out(hub, {}));
  EXPECT_EQ(halves.size(), kEdges);
  EXPECT_TRUE(std::is_sorted(halves.begin(), halves.end(), graph.order()));
}

TEST(NamesTest, RestoreAcceptsOnlyADenseNumbering) {
  const auto restored = [](std::vector<std::pair<const char*, Number>> pairs) {
    Names names;
    for (const auto& [name, number] : pairs) {
      if (!names.restore(name, number)) return false;
    }
    return names.finish_restore();
  };
  EXPECT_TRUE(restored({}));
  EXPECT_TRUE(restored({{"b", 0}, {"a", 1}}));
  EXPECT_FALSE(restored({{"b", 0}, {"b", 1}}));
  EXPECT_FALSE(restored({{"b", 1}, {"a", 1}}));
  EXPECT_FALSE(restored({{"b", 0}, {"a", 2}}));
  EXPECT_FALSE(restored({{"b", kNoNumber}}));
}

TEST(NumberMapTest, KeepsTheFirstValueOfEachKey) {
  NumberMap map;
  for (Number i = 0; i < 10'000; ++i) ASSERT_TRUE(map.insert(i * 4096, i));
  for (Number i = 0; i < 10'000; ++i) ASSERT_FALSE(map.insert(i * 4096, 0));
  for (Number i = 0; i < 10'000; ++i) ASSERT_EQ(map.find(i * 4096), i);
  EXPECT_FALSE(map.contains(1));
  EXPECT_EQ(map.find(1), kNoNumber);
}

TEST(StoredFormTest, RecordsReadBackAndEveryCutOfTheNamesIsRefused) {
  const EdgeNames edge = {"from", "label", "to"};
  const std::string put = encode_put({edge, {0.25, R"({"a":1})"}});
  const auto record = decode_put(put);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->edge.from, "from");
  EXPECT_EQ(record->edge.label, "label");
  EXPECT_EQ(record->edge.to, "to");
  EXPECT_EQ(record->value.weight, 0.25);
  EXPECT_EQ(record->value.properties, R"({"a":1})");

  const std::string erase = encode_delete(edge);
  ASSERT_TRUE(decode_delete(erase).has_value());
  EXPECT_FALSE(decode_delete(erase + "x").has_value());
  for (std::size_t size = 0; size < erase.size(); ++size) {
    EXPECT_FALSE(decode_delete(erase.substr(0, size)).has_value()) << size;
    EXPECT_FALSE(decode_put(put.substr(0, size)).has_value()) << size;
  }
  for (const std::size_t at : {0u, 1u, 3u, 5u, 6u}) {
    std::string damaged = erase;
    damaged[at] = '\x7f';
    EXPECT_FALSE(decode_delete(damaged).has_value()) << at;
  }
}

TEST(StoredFormTest, EdgeKeysSortByTheirNumbers) {
  EXPECT_LT(encode_edge_key({1, 300, 0}), encode_edge_key({1, 301, 0}));
  EXPECT_LT(encode_edge_key({1, 9, 9}), encode_edge_key({256, 0, 0}));
  const auto edge = decode_edge_key(encode_edge_key({7, 8, 9}));
  ASSERT_TRUE(edge.has_value());
  EXPECT_EQ(std::tie(edge->from, edge->label, edge->to), std::make_tuple(7u, 8u, 9u));
}

}  // namespace
}  // namespace stator::graph
