// document_scan and range_scan: order, pages, distinct rows.
#include <string>

#include <gmock/gmock.h>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testkit::Answer;

class SortedScanTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Answer scan(const std::string& args) { return documents.kernel.call("document_scan", args); }
  std::string refusal(const std::string& args) {
    const Answer answer = scan(args);
    EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST) << args;
    return answer.field + "|" + answer.detail;
  }
  void fill() {
    documents.put("a", R"({"n":2,"c":"x"})");
    documents.put("b", R"({"n":10,"c":"y"})");
    documents.put("c", R"({"n":"1","c":"x"})");
    documents.put("d", R"({"c":"y"})");
    documents.put("e", R"({"n":2.0,"c":"y"})");
    documents.put("f", R"({"n":null,"c":"x"})");
  }
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, SortedScanTest, testing::Values(1u, 2u, 5u));

TEST_P(SortedScanTest, OrdersByTypeThenValueThenId) {
  fill();
  EXPECT_THAT(ids_of(scan(R"({"sort":[{"n":"asc"}]})")), ElementsAre("d", "f", "a", "e", "b", "c"));
  EXPECT_THAT(ids_of(scan(R"({"sort":["n"]})")), ElementsAre("d", "f", "a", "e", "b", "c"));
  EXPECT_THAT(ids_of(scan(R"({"sort":[{"n":"desc"}]})")),
              ElementsAre("c", "b", "e", "a", "f", "d"));
  EXPECT_THAT(ids_of(scan(R"({"sort":[{"c":"desc"},{"n":"asc"}]})")),
              ElementsAre("d", "e", "b", "f", "a", "c"));
}

// Upstream sorted the first 1000 documents only.
TEST_P(SortedScanTest, TheFirstRowsAreThoseOfAllDocuments) {
  for (int i = 0; i < 3000; ++i) {
    documents.put("d" + std::to_string(i), "{\"n\":" + std::to_string((i * 7919) % 3001) + "}");
  }
  const auto rows = rows_of(scan(R"({"sort":[{"n":"desc"}],"limit":2})"));
  EXPECT_EQ(rows[0].data, R"({"n":3000})");
  documents.create_index("n");
  const std::string args = R"("filter":{"n":{"gte":10}},"sort":[{"n":"asc"}],"limit":3)";
  EXPECT_EQ(rows_of(scan("{" + args + "}"))[2].data, R"({"n":12})");
  EXPECT_EQ(member(scan("{" + args + R"(,"explain":true})").payload, "gives_order"), "true");
}

TEST_P(SortedScanTest, ACursorGoesOnBehindItsRowWhateverIsWritten) {
  for (int i = 0; i < 20; ++i)
    documents.put("d" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}");
  for (const bool is_indexed : {false, true}) {
    if (is_indexed) documents.create_index("n");
    const std::string args = R"({"filter":{"n":{"gte":0}},"sort":[{"n":"desc"}],"limit":5)";
    const Answer first = scan(args + "}");
    EXPECT_THAT(ids_of(first), ElementsAre("d19", "d18", "d17", "d16", "d15"));
    const std::string more = args + ",\"cursor\":" + member(first.payload, "cursor") + "}";
    documents.put("new", R"({"n":14.5})");
    documents.put("early", R"({"n":100})");
    documents.erase("d15");
    documents.kernel.restart();
    EXPECT_THAT(ids_of(scan(more)), ElementsAre("new", "d14", "d13", "d12", "d11"));
    documents.put("d15", R"({"n":15})");
    documents.erase("new");
    documents.erase("early");
  }
}

// A page of large documents ends before its limit, wherever they lie, and the next one goes on.
TEST_P(SortedScanTest, APageEndsWhereItsRowsAreTooLargeForAnAnswer) {
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    const std::string id = "d" + std::to_string(100 + i);
    const std::size_t bytes = i == 5 ? 7'900'000 : 3'000'000;
    documents.put(id,
                  "{\"n\":" + std::to_string(i) + ",\"t\":\"" + std::string(bytes, 'x') + "\"}");
    expected.push_back(id);
  }
  const std::string filter = R"("filter":{"n":{"gte":0}})";
  for (const bool is_indexed : {false, true}) {
    if (is_indexed) documents.create_index("n");
    for (const auto& [op, args] : std::vector<std::pair<std::string, std::string>>{
             {"document_scan", "\"limit\":50"},
             {"document_scan", "\"limit\":50,\"sort\":[\"n\"]," + filter},
             {"range_scan", R"("limit":50,"field":"n","include_data":true)"},
             {"range_scan", R"("limit":50,"field":"t","include_data":false)"}}) {
      std::vector<std::string> ids;
      std::string cursor;
      std::size_t pages = 0;
      do {
        const Answer page = documents.kernel.call(op, "{" + args + cursor + "}");
        ASSERT_LE(page.payload.size(), 12u * 1024 * 1024);
        for (const std::string& id : ids_of(page)) ids.push_back(id);
        EXPECT_EQ(page.more, from_json(member(page.payload, "cursor")));
        cursor = page.more.empty() ? "" : ",\"cursor\":" + to_json(page.more);
        // What is as long as a value of it has no cursor.
        if (op == "range_scan" && args.find("\"t\"") != std::string::npos) {
          EXPECT_EQ(member(page.payload, "more"), "true");
          EXPECT_LT(ids.size(), expected.size());
        }
        ++pages;
      } while (!cursor.empty() && pages < 20);
      if (op == "range_scan" && args.find("\"t\"") != std::string::npos) continue;
      EXPECT_EQ(ids, expected) << op << " " << args;
      EXPECT_GT(pages, 3u);
      EXPECT_LT(pages, 8u) << "pages are as full as they can be";
    }
  }
}

TEST_P(SortedScanTest, OnlyThereIsMoreHasACursor) {
  fill();
  EXPECT_EQ(member(scan(R"({"limit":6})").payload, "cursor"), "");
  const std::string cursor = member(scan(R"({"limit":5})").payload, "cursor");
  EXPECT_THAT(ids_of(scan("{\"limit\":5,\"cursor\":" + cursor + "}")), ElementsAre("f"));
  documents.put("long", "{\"n\":\"" + std::string(9000, 'z') + "\"}");
  documents.put("longer", "{\"n\":\"" + std::string(9001, 'z') + "\"}");
  const Answer cut = scan(R"({"sort":[{"n":"desc"}],"limit":1})");
  EXPECT_EQ(member(cut.payload, "cursor"), "");
  EXPECT_EQ(member(cut.payload, "more"), "true");
}

TEST_P(SortedScanTest, RefusesForeignCursorsAndBadSorts) {
  fill();
  const std::string cursor = member(scan(R"({"limit":1,"sort":["n"]})").payload, "cursor");
  EXPECT_EQ(refusal("{\"cursor\":" + cursor + "}"),
            "cursor|'cursor' is not one of this filter, sort and distinct");
  EXPECT_EQ(refusal(R"({"cursor":"xyz"})"),
            "cursor|'cursor' is not one of this filter, sort and distinct");
  const std::string form = "sort|'sort' is an array of 1 to 4 of {path: \"asc\" or \"desc\"}";
  EXPECT_EQ(refusal(R"({"sort":[]})"), form);
  EXPECT_EQ(refusal(R"({"sort":[{"a":"up"}]})"), form);
  EXPECT_EQ(refusal(R"({"sort":[{"a":"asc","b":"asc"}]})"), form);
  EXPECT_EQ(refusal(R"({"sort":["a","b","c","d","e"]})"), form);
  EXPECT_EQ(refusal(R"({"sort":[1]})"), form);
  EXPECT_EQ(refusal(R"({"after":"a","sort":["n"]})"),
            "after|'after' goes without 'sort', 'cursor' and 'distinct'");
}

TEST_P(SortedScanTest, DistinctShowsEachCombinationOnce) {
  fill();
  const std::string args = R"({"distinct":true,"fields":["c"],"sort":[{"c":"desc"}])";
  EXPECT_EQ(scan(args + "}").payload, R"({"rows":[{"data":{"c":"y"}},{"data":{"c":"x"}}]})");
  const Answer first = scan(args + R"(,"limit":1})");
  EXPECT_EQ(scan(args + ",\"limit\":1,\"cursor\":" + member(first.payload, "cursor") + "}").payload,
            R"({"rows":[{"data":{"c":"x"}}]})");
  EXPECT_EQ(refusal(R"({"distinct":true})"), "fields|'distinct' needs 'fields'");
  EXPECT_EQ(refusal(R"({"distinct":true,"fields":["c"],"sort":["n"]})"),
            "sort|'distinct' sorts by its 'fields' only");
}

TEST_P(SortedScanTest, ARangeHasPagesToo) {
  for (int i = 0; i < 30; ++i) {
    documents.put("d" + std::to_string(i), "{\"n\":" + std::to_string(i / 3) + "}");
  }
  for (const bool is_indexed : {false, true}) {
    if (is_indexed) documents.create_index("n");
    for (const char* order : {"asc", "desc"}) {
      const std::string args =
          R"({"field":"n","lower":2,"upper":8,"order":")" + std::string(order) + "\"";
      const auto all = ids_of(documents.kernel.call("range_scan", args + "}"));
      ASSERT_EQ(all.size(), 18u);
      std::vector<std::string> seen;
      std::string more;
      do {
        const Answer page = documents.kernel.call("range_scan", args + ",\"limit\":4" + more + "}");
        for (const std::string& id : ids_of(page)) seen.push_back(id);
        const std::string cursor = member(page.payload, "cursor");
        more = cursor.empty() ? "" : ",\"cursor\":" + cursor;
      } while (!more.empty());
      EXPECT_EQ(seen, all);
    }
  }
  const Answer page = documents.kernel.call("range_scan", R"({"field":"n","limit":1})");
  EXPECT_EQ(
      documents.kernel
          .call("range_scan", R"({"field":"m","cursor":)" + member(page.payload, "cursor") + "}")
          .field,
      "cursor");
}

}  // namespace
}  // namespace stator::document
