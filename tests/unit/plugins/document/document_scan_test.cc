// document_scan.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testkit::Answer;

Answer scan(Documents& documents, const std::string& args) {
  return documents.kernel.call("document_scan", args);
}

class DocumentScanTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, DocumentScanTest, testing::Values(1u, 2u, 5u));

TEST_P(DocumentScanTest, AnEmptyCollectionHasNoRows) {
  EXPECT_EQ(scan(documents, "{}").payload, R"({"rows":[]})");
}

TEST_P(DocumentScanTest, GoesThroughAllDocumentsInTheOrderOfIdsPageByPage) {
  std::vector<std::string> expected;
  for (int i = 0; i < 250; ++i) expected.push_back("d" + std::to_string(i));
  expected.push_back("d1:");
  expected.push_back(std::string("d1\0", 3));
  for (const auto& id : expected) documents.put(id, "{\"id\":" + to_json(id) + "}");
  std::sort(expected.begin(), expected.end());

  std::vector<std::string> seen;
  for (std::string after;;) {
    const std::string from = after.empty() ? "" : ",\"after\":" + to_json(after);
    const auto rows = rows_of(scan(documents, "{\"limit\":17" + from + "}"));
    if (rows.empty()) break;
    for (const Row& row : rows) {
      EXPECT_EQ(row.data, "{\"id\":" + to_json(row.document_id) + "}");
      seen.push_back(row.document_id);
    }
    after = seen.back();
  }
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(rows_of(scan(documents, "{}")).size(), 100u);
}

TEST_P(DocumentScanTest, ProjectsFields) {
  documents.put("a", R"({"x":1,"y":{"z":2}})");
  documents.put("b", R"({"q":1})");
  EXPECT_EQ(scan(documents, R"({"fields":["y.z"]})").payload,
            R"({"rows":[{"document_id":"a","data":{"y.z":2}},{"document_id":"b","data":{}}]})");
  EXPECT_EQ(scan(documents, R"({"fields":["."]})").field, "fields");
}

TEST_P(DocumentScanTest, AfterNeedNotExist) {
  documents.put("a", "{}");
  documents.put("c", "{}");
  EXPECT_THAT(ids_of(scan(documents, R"({"after":"b"})")), ElementsAre("c"));
  EXPECT_THAT(ids_of(scan(documents, R"({"after":"c"})")), IsEmpty());
}

TEST_P(DocumentScanTest, ChecksItsBounds) {
  EXPECT_EQ(scan(documents, R"({"limit":0})").field, "limit");
  EXPECT_EQ(scan(documents, R"({"limit":10001})").field, "limit");
  EXPECT_EQ(scan(documents, R"({"after":""})").field, "after");
}

TEST_P(DocumentScanTest, StopsWhenInterrupted) {
  for (int i = 0; i < 20; ++i) documents.put("d" + std::to_string(i), "{}");
  documents.kernel.interrupt_next();
  EXPECT_EQ(scan(documents, "{}").status, STATOR_E_DEADLINE_EXCEEDED);
}

// What others write while a read is paused, it does not see; indexes that go do not take it along.
TEST_P(DocumentScanTest, APausedReadShowsItsBeginning) {
  for (int i = 10; i < 60; ++i) {
    documents.put("d" + std::to_string(i), "{\"n\":" + std::to_string(i % 7) + "}");
  }
  documents.kernel.call("index_create", R"({"name":"n","paths":["n"]})");
  const std::pair<const char*, const char*> reads[] = {
      {"document_scan", "{}"},
      {"document_scan", R"({"sort":[{"n":"desc"}]})"},
      {"document_scan", R"({"filter":{"n":{"gte":2}}})"},
      {"document_count", R"({"filter":{"n":{"gte":2}}})"},
      {"document_aggregate", R"({"aggs":{"sum":{"sum":"n"}}})"},
      {"range_scan", R"({"field":"n"})"},
      {"index_lookup", R"({"name":"n","value":3})"}};
  std::vector<Answer> expected;
  for (const auto& [op, args] : reads) expected.push_back(documents.kernel.call(op, args));
  for (std::size_t i = 0; i < std::size(reads); ++i) {
    ASSERT_EQ(expected[i].status, STATOR_OK) << expected[i].detail;
    Documents others{GetParam()};
    for (int d = 10; d < 60; ++d) {
      others.put("d" + std::to_string(d), "{\"n\":" + std::to_string(d % 7) + "}");
    }
    others.kernel.call("index_create", R"({"name":"n","paths":["n"]})");
    int pauses = 0;
    others.kernel.pause_next([&] {
      if (pauses++ == 0 && GetParam() == 1) others.kernel.call("index_drop", R"({"name":"n"})");
      if (GetParam() == 1) others.put("d" + std::to_string(10 + pauses % 50), R"({"n":100})");
      return false;
    });
    EXPECT_EQ(others.kernel.call(reads[i].first, reads[i].second).payload, expected[i].payload)
        << reads[i].first << reads[i].second;
    EXPECT_GT(pauses, 2) << reads[i].first;
  }
}

// Two documents that fit one frame each, but not together.
TEST(DocumentScanSizeTest, AnAnswerEndsBeforeItExceedsAFrame) {
  Documents documents;
  const std::string large = "{\"x\":\"" + std::string(7'000'000, 'x') + "\"}";
  documents.put("a", large);
  documents.put("b", large);
  const testkit::Answer first = scan(documents, "{}");
  EXPECT_THAT(ids_of(first), ElementsAre("a"));
  const testkit::Answer second = scan(documents, "{\"cursor\":" + to_json(first.more) + "}");
  EXPECT_THAT(ids_of(second), ElementsAre("b"));
  EXPECT_EQ(second.more, "");
  EXPECT_THAT(ids_of(scan(documents, R"({"fields":["y"]})")), ElementsAre("a", "b"));
  EXPECT_EQ(documents.get("a").payload.size(), large.size());
}

}  // namespace
}  // namespace stator::document
