// Search against truth: real descriptors with their exact neighbours, and a naive model under
// random writes, restarts and replays.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "unit/plugins/vector/shared_data.h"
#include "unit/plugins/vector/vector_fixture.h"

namespace stator::testing {
namespace {

constexpr std::size_t kDim = 128;
constexpr std::size_t kTruthColumns = 100;
constexpr std::size_t kChecked = 100;

double distance_of(const std::string& metric, const std::vector<double>& a,
                   const std::vector<double>& b) {
  double l2 = 0;
  double dot = 0;
  double norms[2] = {};
  for (std::size_t i = 0; i < a.size(); ++i) {
    l2 += (a[i] - b[i]) * (a[i] - b[i]);
    dot += a[i] * b[i];
    norms[0] += a[i] * a[i];
    norms[1] += b[i] * b[i];
  }
  if (metric == "l2") return l2;
  return metric == "ip" ? -dot : 1 - dot / std::sqrt(norms[0] * norms[1]);
}

class SiftTest : public VectorFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  static std::vector<std::vector<double>> rows(const std::string& bytes) {
    std::vector<std::vector<double>> out;
    for (std::size_t at = 0; at < bytes.size(); at += kDim) {
      out.emplace_back();
      for (std::size_t i = 0; i < kDim; ++i) {
        out.back().push_back(static_cast<std::uint8_t>(bytes[at + i]));
      }
    }
    return out;
  }
  void load(const std::vector<std::vector<double>>& base) {
    constexpr std::size_t kBatch = 1000;
    for (std::size_t begin = 0; begin < base.size(); begin += kBatch) {
      Json batch = Json::array();
      for (std::size_t i = begin; i < std::min(begin + kBatch, base.size()); ++i) {
        batch.push_back({{"document_id", std::to_string(i)}, {"vector", base[i]}});
      }
      ask("vector_batch_upsert", {{"rows", batch}, {"metric", GetParam()}});
    }
  }
};

TEST_P(SiftTest, FindsTheTrueNeighboursInOrder) {
  const std::string metric = GetParam();
  const auto folder = shared_data("vector/sift5k");
  if (!folder) GTEST_SKIP() << "no shared/data/vector/sift5k";
  const auto base = rows(read_all(*folder / "base.u8"));
  const auto queries = rows(read_all(*folder / "query.u8"));
  const std::string truth = read_all(*folder / ("gt_" + metric + ".i32"));
  ASSERT_EQ(base.size(), 5000u);
  ASSERT_EQ(truth.size(), queries.size() * kTruthColumns * sizeof(std::int32_t));
  load(base);
  kernel_.restart();

  for (std::size_t q = 0; q < queries.size(); ++q) {
    SCOPED_TRACE(metric + " query " + std::to_string(q));
    const auto ids = found(queries[q], kChecked);
    ASSERT_EQ(ids.size(), kChecked);
    for (std::size_t rank = 0; rank < kChecked; ++rank) {
      std::int32_t expected = 0;
      std::memcpy(&expected, truth.data() + (q * kTruthColumns + rank) * sizeof expected,
                  sizeof expected);
      // Equal distances may swap; the distance at each rank may not differ.
      const double mine = distance_of(metric, queries[q], base[std::stoul(ids[rank])]);
      const double best = distance_of(metric, queries[q], base[static_cast<std::size_t>(expected)]);
      const double tolerance = metric == "cosine" ? 1e-6 : 0;
      ASSERT_NEAR(mine, best, tolerance) << "rank " << rank;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, SiftTest, ::testing::Values("l2", "cosine", "ip"),
                         [](const auto& each) { return std::string(each.param); });

// A collection as a map, searched by sorting.
class NaiveModel {
 public:
  explicit NaiveModel(std::string metric) : metric_(std::move(metric)) {}
  bool put(const std::string& id, const std::vector<double>& vector) {
    return !vectors_.insert_or_assign(id, vector).second;
  }
  bool erase(const std::string& id) { return vectors_.erase(id) != 0; }
  std::vector<std::string> search(const std::vector<double>& query, std::size_t top_k) const {
    std::vector<std::pair<double, std::string>> rows;
    for (const auto& [id, vector] : vectors_) {
      rows.emplace_back(distance_of(metric_, query, vector), id);
    }
    std::sort(rows.begin(), rows.end());
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < std::min(top_k, rows.size()); ++i) ids.push_back(rows[i].second);
    return ids;
  }
  const std::map<std::string, std::vector<double>>& vectors() const { return vectors_; }

 private:
  std::string metric_;
  std::map<std::string, std::vector<double>> vectors_;
};

class RandomWritesTest : public VectorFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  // Small whole numbers: float sums are exact, so ties are ties on both sides.
  std::vector<double> random_vector() {
    std::uniform_int_distribution<int> number(-3, 3);
    std::vector<double> vector;
    for (int i = 0; i < 19; ++i) vector.push_back(number(random_));
    vector.push_back(4);  // never all zeros
    return vector;
  }
  std::string random_id() {
    return "d" + std::to_string(std::uniform_int_distribution<int>(0, 60)(random_));
  }
  std::mt19937_64 random_{20'240'607};
};

TEST_P(RandomWritesTest, EqualTheModelAlsoAcrossRestartAndReplay) {
  const std::string metric = GetParam();
  NaiveModel model(metric);
  std::uniform_int_distribution<int> dice(0, 99);
  for (int step = 0; step < 1500; ++step) {
    SCOPED_TRACE(metric + " step " + std::to_string(step));
    const int rolled = dice(random_);
    if (rolled < 45 || model.vectors().empty()) {
      const auto id = random_id();
      const auto vector = random_vector();
      const Json args = {{"document_id", id}, {"vector", vector}, {"metric", metric}};
      ASSERT_EQ(ask("vector_upsert", args)["existed"], model.put(id, vector));
    } else if (rolled < 75) {
      const auto id = random_id();
      ASSERT_EQ(ask("vector_delete", {{"document_id", id}})["existed"], model.erase(id));
    } else if (rolled < 97) {
      const auto query = random_vector();
      const auto ids = found(query, 7);
      const auto expected = model.search(query, 7);
      if (metric != "cosine") {
        ASSERT_EQ(ids, expected);
        continue;
      }
      ASSERT_EQ(ids.size(), expected.size());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ASSERT_NEAR(distance_of(metric, query, model.vectors().at(ids[i])),
                    distance_of(metric, query, model.vectors().at(expected[i])), 1e-6);
      }
    } else if (rolled < 99) {
      kernel_.restart();
    } else {
      const auto before = kernel_.dump();
      kernel_.replay();
      ASSERT_EQ(kernel_.dump(), before);
    }
  }
  EXPECT_EQ(ask("vector_stats", Json::object())["count"], model.vectors().size());
}

INSTANTIATE_TEST_SUITE_P(Metrics, RandomWritesTest, ::testing::Values("l2", "cosine", "ip"),
                         [](const auto& each) { return std::string(each.param); });

TEST(LanesTest, ACollectionAnswersTheSameOnAnyNumberOfLanes) {
  testkit::FakeKernel kernel(&stator_engine_entry_v1, {.lanes = 3});
  for (int i = 0; i < 8; ++i) {
    const std::string collection = "c" + std::to_string(i);
    for (int k = 0; k < 3; ++k) {
      const Json args = {{"document_id", std::to_string(k)}, {"vector", {k, i + 1}}};
      ASSERT_EQ(kernel.call("vector_upsert", args.dump(), collection).status, STATOR_OK);
    }
  }
  kernel.restart();
  for (int i = 0; i < 8; ++i) {
    const auto answer =
        kernel.call("vector_search", R"({"query_vector":[0,1]})", "c" + std::to_string(i));
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
    EXPECT_EQ(Json::parse(answer.payload)["results"][0]["document_id"], "0");
  }
}

}  // namespace
}  // namespace stator::testing
