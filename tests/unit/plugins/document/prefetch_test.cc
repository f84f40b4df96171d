// Ops that load many documents hand their ids to the kernel first: each document that is loaded was
// told, and next to none is told for nothing.
#include <string>

#include "document_fixture.h"

namespace stator::document {
namespace {

class PrefetchTest : public testing::Test {
 protected:
  PrefetchTest() {
    documents.create_index("v");
    for (int i = 0; i < 200; ++i)
      documents.put("d" + std::to_string(i), "{\"v\":" + std::to_string(i) + "}");
  }
  // Keys told and used by one request.
  testkit::FakeKernel::Prefetches cost_of(const std::string& op, const std::string& args) {
    const auto before = documents.kernel.prefetches();
    const testkit::Answer answer = documents.kernel.call(op, args);
    EXPECT_EQ(answer.status, STATOR_OK) << answer.detail;
    const auto after = documents.kernel.prefetches();
    return {after.keys - before.keys, after.used - before.used};
  }

  Documents documents;
};

TEST_F(PrefetchTest, ARangeScanTellsTheDocumentsThatItLoadsAndNoOthers) {
  const auto cost = cost_of("range_scan", R"({"field":"v","lower":20,"limit":100})");
  EXPECT_EQ(cost.keys, 101u) << "one more says whether there is a next page";
  EXPECT_EQ(cost.used, 101u);
}

TEST_F(PrefetchTest, SoDoWalksAlongAnIndexAndGetsOfMany) {
  auto cost = cost_of("document_count", R"({"filter":{"v":{"gte":100}}})");
  EXPECT_EQ(cost.used, 99u) << "a group of one is not told";
  EXPECT_EQ(cost.keys, 99u);
  cost = cost_of("index_lookup", R"({"name":"v","value":7})");
  EXPECT_EQ(cost.keys, 0u);
  cost = cost_of("point_multi_get", R"({"document_ids":["d3","d1","none","d2"]})");
  EXPECT_EQ(cost.keys, 4u);
  EXPECT_EQ(cost.used, 4u);
}

TEST_F(PrefetchTest, WhoWantsFewDocumentsDoesNotHaveManyFetched) {
  const auto cost = cost_of("range_scan", R"({"field":"v","limit":1})");
  EXPECT_LE(cost.keys, 2u);
}

// Every page looked at all documents of the value.
TEST_F(PrefetchTest, APageOfOneValueLooksAtItsOwnDocuments) {
  documents.create_index("g");
  for (int i = 0; i < 200; ++i) documents.put("g" + std::to_string(1000 + i), R"({"g":1})");
  for (const char* position : {"", R"(,"after":"g1100")"}) {
    const auto cost =
        cost_of("document_scan", R"({"filter":{"g":1},"limit":10)" + std::string(position) + "}");
    EXPECT_LE(cost.keys, 32u) << position;
  }
  EXPECT_LE(cost_of("index_lookup", R"({"name":"g","value":1,"limit":10})").keys, 32u);
}

}  // namespace
}  // namespace stator::document
