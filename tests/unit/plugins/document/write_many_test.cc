// document_update_many, document_delete_many, document_truncate, point_multi_get.
#include <set>
#include <string>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testkit::Answer;

class WriteManyTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    for (int i = 0; i < 40; ++i) {
      documents.put("d" + std::to_string(i), "{\"v\":" + std::to_string(i) + "}");
    }
  }
  std::string call(std::string_view op, std::string_view args) {
    const Answer answer = documents.kernel.call(op, args);
    return answer.status == STATOR_OK ? answer.payload : answer.field + "|" + answer.detail;
  }
  std::size_t count() { return ids_of(documents.kernel.call("document_scan", "{}")).size(); }
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, WriteManyTest, testing::Values(1u, 2u, 3u));

TEST_P(WriteManyTest, ChangesWhatTheFilterSelectsOnAllLanes) {
  documents.create_index("v");
  EXPECT_EQ(call("document_update_many", R"({"filter":{"v":{"gte":30}},"inc":{"v":100}})"),
            R"({"affected":10,"more":false})");
  EXPECT_EQ(ids_of(documents.kernel.call("range_scan", R"({"field":"v","lower":130})")).size(),
            10u);
  EXPECT_EQ(documents.entries().size(), 40u);
  // What is so already is not written.
  const std::uint64_t lsn = documents.kernel.last_lsn();
  EXPECT_EQ(call("document_update_many", R"({"filter":{"v":0},"set":{"v":0}})"),
            R"({"affected":0,"more":false})");
  EXPECT_EQ(documents.kernel.last_lsn(), lsn);
}

TEST_P(WriteManyTest, ADryRunOnlyCounts) {
  const auto before = documents.kernel.dump();
  EXPECT_EQ(call("document_update_many", R"({"filter":{},"set":{"w":1},"dry_run":true})"),
            R"({"affected":40,"more":false})");
  EXPECT_EQ(call("document_delete_many", R"({"filter":{"v":{"lt":3}},"dry_run":true})"),
            R"({"affected":3,"more":false})");
  EXPECT_EQ(call("document_truncate", R"({"dry_run":true})"), R"({"affected":40,"more":false})");
  EXPECT_EQ(documents.kernel.dump(), before);
}

TEST_P(WriteManyTest, ALimitIsKeptOverAllLanesAndRepeatsComeToAnEnd) {
  std::size_t total = 0;
  std::string more = "true";
  while (more == "true") {
    const std::string answer =
        call("document_delete_many", R"({"filter":{"v":{"lt":30}},"limit":7})");
    const std::size_t affected = std::stoul(member(answer, "affected"));
    EXPECT_LE(affected, 7u);
    ASSERT_GT(affected, 0u);
    total += affected;
    more = member(answer, "more");
  }
  EXPECT_EQ(total, 30u);
  EXPECT_EQ(count(), 10u);
  if (GetParam() > 1) {
    EXPECT_EQ(call("document_truncate", R"({"limit":1})"),
              "limit|'limit' must be at least the number of the server's lanes");
  }
}

TEST_P(WriteManyTest, TruncateKeepsTheIndexes) {
  documents.create_index("v");
  EXPECT_EQ(call("document_truncate", "{}"), R"({"affected":40,"more":false})");
  EXPECT_EQ(count(), 0u);
  EXPECT_TRUE(documents.entries().empty());
  EXPECT_NE(call("index_list", "{}").find(R"("name":"v")"), std::string::npos);
  const auto before = documents.kernel.dump();
  documents.kernel.replay();
  EXPECT_EQ(documents.kernel.dump(), before);
}

TEST_P(WriteManyTest, ARefusedChangeNamesThePathAndTheDocument) {
  for (int i = 0; i < 8; ++i) documents.put("s" + std::to_string(i), R"({"v":"x"})");
  const std::string refusal = call("document_update_many", R"({"filter":{"v":"x"},"inc":{"v":1}})");
  EXPECT_TRUE(refusal.starts_with("inc|'inc' at 'v': the value there is no number (document 's"))
      << refusal;
  EXPECT_EQ(call("document_delete_many", "{}"), "filter|missing 'filter'");
  EXPECT_EQ(call("document_delete_many", R"({"filter":{"v":{"over":1}}})"),
            "filter|'filter.v.over' is no test; a field inside is named by a dotted path");
}

TEST_P(WriteManyTest, MultiGetAnswersInTheOrderAsked) {
  EXPECT_EQ(call("point_multi_get", R"({"document_ids":["d3","nobody","d1","d3"]})"),
            R"({"documents":[{"v":3},null,{"v":1},{"v":3}]})");
  EXPECT_EQ(call("point_multi_get", R"({"document_ids":["d3","d4"],"fields":["w"]})"),
            R"({"documents":[{},{}]})");
  EXPECT_EQ(call("point_multi_get", R"({"document_ids":["d3",""]})"),
            "document_ids|an id has 1 to 256 bytes");
}

}  // namespace
}  // namespace stator::document
