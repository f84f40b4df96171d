// Which index a filter uses, what is looked at through it, and the other kinds of indexes.
#include <string>

#include <gmock/gmock.h>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testkit::Answer;

class PlannerTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    for (int i = 0; i < 100; ++i) {
      const std::string n = std::to_string(i);
      documents.put("d" + n, R"({"n":)" + n + R"(,"city":")" + (i % 2 == 0 ? "Oslo" : "Rome") +
                                 R"(","tags":["t)" + std::to_string(i % 10) + R"(",)" + n +
                                 R"(],"on":)" + (i % 4 == 0 ? "true" : "false") + "}");
    }
  }
  void make(const std::string& args) {
    const Answer answer = documents.kernel.call("index_create", args);
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  }
  std::string explain(const std::string& filter) {
    return documents.kernel.call("document_scan", R"({"explain":true,"filter":)" + filter + "}")
        .payload;
  }
  std::vector<std::string> scan(const std::string& filter) {
    return ids_of(documents.kernel.call("document_scan", R"({"filter":)" + filter + "}"));
  }
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, PlannerTest, testing::Values(1u, 3u));

TEST_P(PlannerTest, WithoutAnIndexAllDocumentsAreLookedAt) {
  EXPECT_EQ(explain(R"({"n":5})"),
            R"({"index":null,"gives_order":false,"examined":100,"selected":1})");
}

TEST_P(PlannerTest, BindsEqualPathsAndThenARange) {
  make(R"({"path":"n"})");
  make(R"({"paths":["city","n"]})");
  EXPECT_EQ(
      explain(R"({"n":5})"),
      R"({"index":"n","equal_paths":1,"bounded":false,"ranges":1,"gives_order":false,"examined":1,"selected":1})");
  EXPECT_EQ(
      explain(R"({"n":{"gt":90,"lte":95}})"),
      R"({"index":"n","equal_paths":0,"bounded":true,"ranges":1,"gives_order":false,"examined":6,"selected":5})");
  EXPECT_EQ(
      explain(R"({"n":{"in":[3,4,"x",500]}})"),
      R"({"index":"n","equal_paths":0,"bounded":true,"ranges":4,"gives_order":false,"examined":2,"selected":2})");
  EXPECT_EQ(
      explain(R"({"city":"Oslo","n":{"lt":10}})"),
      R"({"index":"city,n","equal_paths":1,"bounded":true,"ranges":1,"gives_order":false,"examined":6,"selected":5})");
  EXPECT_EQ(
      explain(R"({"and":[{"city":{"eq":"Oslo"}},{"not":{"n":1}}]})"),
      R"({"index":"city,n","equal_paths":1,"bounded":false,"ranges":1,"gives_order":false,"examined":50,"selected":50})");
  EXPECT_EQ(explain(R"({"or":[{"n":1},{"n":2}]})"),
            R"({"index":null,"gives_order":false,"examined":100,"selected":2})");
  EXPECT_EQ(explain(R"({"city":{"prefix":"Os"}})").substr(0, 17), R"({"index":"city,n")");
  EXPECT_THAT(scan(R"({"n":{"gt":90,"lt":93}})"), ElementsAre("d91", "d92"));
}

TEST_P(PlannerTest, APartialIndexServesFiltersThatContainItsOwn) {
  make(R"({"path":"n","where":{"on":true}})");
  EXPECT_EQ(documents.entries().size(), 25u);
  EXPECT_EQ(
      explain(R"({"on":true,"n":{"lt":10}})"),
      R"({"index":"n","equal_paths":0,"bounded":true,"ranges":1,"gives_order":false,"examined":3,"selected":3})");
  EXPECT_EQ(explain(R"({"n":{"lt":10}})"),
            R"({"index":null,"gives_order":false,"examined":100,"selected":10})");
  documents.put("d0", R"({"n":0,"on":false})");
  EXPECT_EQ(documents.entries().size(), 24u);
  EXPECT_EQ(member(documents.kernel.call("range_scan", R"({"field":"n"})").payload, "indexed"),
            "false");
}

TEST_P(PlannerTest, AnArrayIndexHoldsElementsOnce) {
  make(R"({"path":"tags","kind":"array"})");
  EXPECT_EQ(documents.entries().size(), 200u);
  EXPECT_EQ(
      explain(R"({"tags":{"contains":7}})"),
      R"({"index":"tags","equal_paths":1,"bounded":false,"ranges":1,"gives_order":false,"examined":1,"selected":1})");
  EXPECT_EQ(
      explain(R"({"tags":{"any":{"eq":"t3"}}})"),
      R"({"index":"tags","equal_paths":1,"bounded":false,"ranges":1,"gives_order":false,"examined":10,"selected":10})");
  // A string contains parts of it, so strings at the path are looked at too.
  documents.put("text", R"({"tags":"xt3y"})");
  documents.put("twice", R"({"tags":["t3","t3"]})");
  documents.put("number", R"({"tags":3})");
  EXPECT_EQ(documents.entries().size(), 202u);
  EXPECT_EQ(scan(R"({"tags":{"contains":"t3"}})").size(), 12u);
  const Answer found =
      documents.kernel.call("index_lookup", R"({"name":"tags","value":"t3","limit":2})");
  EXPECT_THAT(ids_of(found), ElementsAre("d13", "d23"));
  EXPECT_EQ(member(found.payload, "more"), "true");
  const Answer all =
      documents.kernel.call("index_lookup", R"({"name":"tags","value":"t3","limit":11})");
  EXPECT_EQ(ids_of(all).size(), 11u);
  EXPECT_EQ(member(all.payload, "more"), "");
}

TEST_P(PlannerTest, ALookupOfLargeDocumentsEndsWhereItIsFull) {
  make(R"({"path":"k"})");
  for (int i = 0; i < 4; ++i) {
    documents.put("l" + std::to_string(i), R"({"k":7,"t":")" + std::string(5'000'000, 't') + "\"}");
  }
  const Answer found = documents.kernel.call("index_lookup", R"({"name":"k","value":7})");
  EXPECT_EQ(ids_of(found).size(), 2u);
  EXPECT_EQ(member(found.payload, "more"), "true");
}

// By id along an index of every kind, page after page, as without one.
TEST_P(PlannerTest, PagesOfOneValueAreThoseOfAllDocuments) {
  Documents plain(GetParam());
  const std::string longer(400, 'x');
  for (int i = 0; i < 90; ++i) {
    const std::string id = (i % 3 == 0 ? "p" : "q/") + std::to_string(i * 37 % 90);
    const std::string data = R"({"a":)" + std::to_string(i % 3) + R"(,"b":")" +
                             (i % 2 == 0 ? "Up" : "up") + R"(","c":["x","y",)" +
                             std::to_string(i % 4) + R"(],"l":")" + longer + std::to_string(i % 2) +
                             R"(","z":null})";
    for (Documents* to : {&documents, &plain}) to->put(id, data);
  }
  for (const char* index :
       {R"({"path":"a"})", R"({"paths":["a","b"],"name":"ab"})", R"({"path":"z"})",
        R"({"paths":["z","b"],"name":"y"})", R"({"paths":["l","a"],"name":"la"})",
        R"({"path":"c","kind":"array"})", R"({"path":"b","collation":"nocase"})",
        R"({"path":"a","name":"w","where":{"b":"up"}})"}) {
    make(index);
  }
  const auto pages_of = [](Documents& from, const std::string& filter) {
    std::string rows;
    std::string cursor;
    do {
      const Answer page =
          from.kernel.call("document_scan", R"({"limit":4,"filter":)" + filter + cursor + "}");
      EXPECT_EQ(page.status, STATOR_OK) << page.detail;
      rows += member(page.payload, "rows");
      cursor = page.more.empty() ? "" : ",\"cursor\":" + to_json(page.more);
    } while (!cursor.empty());
    return rows;
  };
  for (const std::string& filter :
       {std::string(R"({"a":1})"), std::string(R"({"a":2,"b":"up"})"), std::string(R"({"z":null})"),
        std::string(R"({"a":1,"l":")") + longer + "0\"}", std::string(R"({"c":{"any":{"eq":3}}})"),
        std::string(R"({"c":{"contains":3}})"), std::string(R"({"b":"Up"})"),
        std::string(R"({"b":{"ilike":"up"}})"), std::string(R"({"a":7})")}) {
    EXPECT_EQ(pages_of(documents, filter), pages_of(plain, filter)) << filter.substr(0, 60);
  }
}

TEST_P(PlannerTest, NoCaseFindsWhateverTheCase) {
  make(R"({"path":"city","collation":"nocase"})");
  documents.put("a", R"({"city":"oSLO"})");
  EXPECT_EQ(
      explain(R"({"city":{"ilike":"OS%"}})"),
      R"({"index":"city","equal_paths":0,"bounded":true,"ranges":1,"gives_order":false,"examined":51,"selected":51})");
  EXPECT_THAT(scan(R"({"city":"oSLO"})"), ElementsAre("a"));
  const Answer found =
      documents.kernel.call("index_lookup", R"({"name":"city","value":"OSLO","limit":1})");
  EXPECT_THAT(ids_of(found), ElementsAre("a"));
  EXPECT_EQ(explain(R"({"city":{"gt":"P"}})"),
            R"({"index":null,"gives_order":false,"examined":101,"selected":51})");
}

TEST_P(PlannerTest, LongValuesAreDecidedByTheDocument) {
  make(R"({"path":"s"})");
  const std::string same(300, 'x');
  for (const char* end : {"a", "b", "c"}) {
    documents.put(end, "{\"s\":\"" + same + end + "\"}");
  }
  EXPECT_THAT(scan("{\"s\":\"" + same + "b\"}"), ElementsAre("b"));
  EXPECT_THAT(scan("{\"s\":{\"gt\":\"" + same + "a\"}}"), ElementsAre("b", "c"));
  EXPECT_THAT(scan("{\"s\":{\"prefix\":\"" + same + "c\"}}"), ElementsAre("c"));
  EXPECT_THAT(
      ids_of(documents.kernel.call("index_lookup", R"({"name":"s","value":")" + same + "c\"}")),
      ElementsAre("c"));
}

TEST_P(PlannerTest, DropsAnIndexWithItsEntries) {
  make(R"({"path":"n"})");
  make(R"({"path":"city"})");
  EXPECT_EQ(documents.kernel.call("index_drop", R"({"name":"n"})").payload, R"({"existed":true})");
  EXPECT_EQ(documents.kernel.call("index_drop", R"({"path":"n"})").payload, R"({"existed":false})");
  EXPECT_EQ(documents.entries().size(), 100u);
  EXPECT_EQ(explain(R"({"n":5})"),
            R"({"index":null,"gives_order":false,"examined":100,"selected":1})");
  const auto before = documents.kernel.dump();
  documents.kernel.replay();
  EXPECT_EQ(documents.kernel.dump(), before);
  make(R"({"path":"n","where":{"on":true}})");
  EXPECT_EQ(documents.entries().size(), 125u);
  documents.kernel.restart();
  EXPECT_EQ(member(explain(R"({"n":4,"on":true})"), "index"), R"("n")");
}

TEST_P(PlannerTest, RefusesWhatCannotBe) {
  const auto refusal = [&](const std::string& args) {
    const Answer answer = documents.kernel.call("index_create", args);
    EXPECT_NE(answer.status, STATOR_OK);
    return answer.field + "|" + answer.detail;
  };
  EXPECT_EQ(refusal("{}"), "path|give either 'path' or 'paths'");
  EXPECT_EQ(refusal(R"({"path":"a","paths":["a"]})"), "path|give either 'path' or 'paths'");
  EXPECT_EQ(refusal(R"({"paths":["a","a"]})"), "paths|a path stands twice");
  EXPECT_EQ(refusal(R"({"paths":["a","b"],"kind":"array"})"), "paths|an array index has one path");
  EXPECT_EQ(refusal(R"({"path":"a","where":{"b":{"over":1}}})"),
            "where|'where.b.over' is no test; a field inside is named by a dotted path");
  make(R"({"path":"a"})");
  EXPECT_EQ(refusal(R"({"path":"b","name":"a"})"),
            "name|there is another index of this name; drop it first");
  EXPECT_EQ(documents.kernel.call("index_lookup", R"({"name":"b","value":1})").status,
            STATOR_E_NOT_FOUND);
}

}  // namespace
}  // namespace stator::document
