// index_create and index_list, and what indexes hold after writes.
#include <string>

#include <gmock/gmock.h>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testkit::Answer;

class IndexTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  std::vector<std::string> range(const std::string& args) {
    const Answer answer = documents.kernel.call("range_scan", args);
    EXPECT_EQ(member(answer.payload, "indexed"), "true");
    return ids_of(answer);
  }
  std::string list(std::string_view collection = "default", std::uint32_t tenant = 1) {
    return documents.kernel.call("index_list", "{}", collection, tenant).payload;
  }
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, IndexTest, testing::Values(1u, 2u, 4u));

TEST_P(IndexTest, IsListedOnEveryLaneAndAfterRestartAndReplay) {
  EXPECT_EQ(list(), R"({"indexes":[]})");
  EXPECT_EQ(documents.create_index("b.c").payload,
            R"({"name":"b.c","created":true,"state":"ready"})");
  EXPECT_EQ(documents.create_index("a").payload, R"({"name":"a","created":true,"state":"ready"})");
  const std::string expected =
      R"({"indexes":[{"name":"a","paths":["a"],"kind":"typed","collation":"binary",)"
      R"("state":"ready"},{"name":"b.c","paths":["b.c"],"kind":"typed","collation":"binary",)"
      R"("state":"ready"}]})";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(list(), expected);
  documents.kernel.restart();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(list(), expected);
  documents.kernel.replay();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(list(), expected);
  EXPECT_EQ(list("other"), R"({"indexes":[]})");
  EXPECT_EQ(list("default", 2), R"({"indexes":[]})");
}

TEST_P(IndexTest, CreatingItAgainChangesNothing) {
  documents.put("x", R"({"a":1})");
  documents.create_index("a");
  const auto before = documents.kernel.dump();
  const auto lsn = documents.kernel.last_lsn();
  EXPECT_EQ(documents.create_index("a").payload, R"({"name":"a","created":false,"state":"ready"})");
  EXPECT_EQ(documents.kernel.dump(), before);
  EXPECT_EQ(documents.kernel.last_lsn(), lsn);
}

TEST_P(IndexTest, BackfillsTheDocumentsThereAre) {
  for (int i = 0; i < 100; ++i) {
    documents.put("d" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}");
  }
  documents.put("without", R"({"m":1})");
  documents.create_index("n");
  EXPECT_EQ(documents.entries().size(), 100u);
  EXPECT_THAT(range(R"({"field":"n","lower":97})"), ElementsAre("d97", "d98", "d99"));
}

TEST_P(IndexTest, FollowsEveryWrite) {
  documents.create_index("n");
  documents.put("a", R"({"n":1})");
  documents.put("b", R"({"n":2})");
  documents.put("a", R"({"n":3})");
  EXPECT_THAT(range(R"({"field":"n"})"), ElementsAre("b", "a"));
  documents.put("b", R"({"other":2})");
  EXPECT_THAT(range(R"({"field":"n"})"), ElementsAre("a"));
  documents.erase("a");
  EXPECT_THAT(range(R"({"field":"n"})"), IsEmpty());
  EXPECT_TRUE(documents.entries().empty());
}

TEST_P(IndexTest, ADocumentWrittenAgainUnchangedKeepsItsEntry) {
  documents.create_index("n");
  documents.put("a", R"({"n":1})");
  const auto before = documents.entries();
  documents.put("a", R"({"n":1.0,"m":2})");
  EXPECT_EQ(documents.entries(), before);
  EXPECT_THAT(range(R"({"field":"n","lower":1,"upper":1,"upper_inclusive":true})"),
              ElementsAre("a"));
}

TEST_P(IndexTest, ReachesIntoObjectsAndArrays) {
  documents.create_index("a.b");
  documents.create_index("tags.1");
  documents.put("x", R"({"a":{"b":5},"tags":["p","q"]})");
  documents.put("y", R"({"a":{"c":5},"tags":["p"]})");
  EXPECT_THAT(range(R"({"field":"a.b"})"), ElementsAre("x"));
  EXPECT_THAT(range(R"({"field":"tags.1","lower":"q"})"), ElementsAre("x"));
}

TEST_P(IndexTest, KeepsPathsCollectionsAndTenantsApart) {
  documents.create_index("a");
  documents.create_index("ab");
  documents.kernel.call("index_create", R"({"path":"a"})", "other", 1);
  documents.put("x", R"({"a":1,"ab":2})");
  documents.kernel.call("point_put", R"({"document_id":"y","data":{"a":1}})", "other", 1);
  documents.kernel.call("point_put", R"({"document_id":"z","data":{"a":1}})", "default", 2);
  EXPECT_THAT(range(R"({"field":"a"})"), ElementsAre("x"));
  EXPECT_THAT(ids_of(documents.kernel.call("range_scan", R"({"field":"a"})", "other", 1)),
              ElementsAre("y"));
  const Answer foreign = documents.kernel.call("range_scan", R"({"field":"a"})", "default", 2);
  EXPECT_EQ(member(foreign.payload, "indexed"), "false");
  EXPECT_THAT(ids_of(foreign), ElementsAre("z"));
}

TEST_P(IndexTest, RefusesBadPathsAndTooManyIndexes) {
  EXPECT_EQ(documents.create_index("").field, "path");
  EXPECT_EQ(documents.create_index(std::string(65, 'x')).field, "name");
  const Answer empty_segment = documents.create_index("a..b");
  EXPECT_EQ(empty_segment.status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(empty_segment.field, "path");
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(documents.create_index("p" + std::to_string(i)).status, STATOR_OK);
  }
  EXPECT_EQ(documents.create_index("one_more").status, STATOR_E_RESOURCES_EXHAUSTED);
  EXPECT_EQ(documents.create_index("p7").status, STATOR_OK);
}

TEST_P(IndexTest, HoldsTheLongestPathIdAndValue) {
  const std::string path(64, 'p');
  documents.create_index(path);
  const std::string id(256, 'i');
  documents.put(id, "{\"" + path + "\":\"" + std::string(5000, 'v') + "\"}");
  EXPECT_THAT(range("{\"field\":\"" + path + "\",\"lower\":\"v\"}"), ElementsAre(id));
}

// More documents than one cursor's batch, so that the backfill goes on behind the first batch.
TEST(IndexBackfillTest, GoesOnBehindTheFirstBatch) {
  Documents documents;
  for (int from = 0; from < 10'000; from += 1000) {
    std::string rows = "{\"documents\":[";
    for (int i = from; i < from + 1000; ++i) {
      rows += "{\"document_id\":\"d" + std::to_string(i) +
              "\",\"data\":{\"n\":" + std::to_string(i) + "}},";
    }
    rows.back() = ']';
    ASSERT_EQ(documents.kernel.call("document_batch_insert", rows + "}").status, STATOR_OK);
  }
  documents.create_index("n");
  EXPECT_EQ(documents.entries().size(), 10'000u);
}

TEST_P(IndexTest, OfADroppedTenantNothingIsLeft) {
  auto& kernel = documents.kernel;
  const auto kept = kernel.dump();
  const auto call = [&](const char* op, const char* args) {
    const auto answer = kernel.call(op, args, "default", 2);
    EXPECT_EQ(answer.status, STATOR_OK) << op << answer.detail;
    return answer.payload;
  };
  call("index_create", R"({"path":"n"})");
  for (const char* id : {"a", "b", "c"}) {
    call("point_put", (R"({"document_id":")" + std::string(id) + R"(","data":{"n":1}})").c_str());
  }
  kernel.drop_tenant(2);
  EXPECT_EQ(kernel.dump(), kept);
  // The index is forgotten too: what is put now has no entries.
  call("point_put", R"({"document_id":"a","data":{"n":1}})");
  EXPECT_EQ(kernel.dump().size(), kept.size() + 1);
  EXPECT_EQ(call("index_list", "{}").find("\"n\""), std::string::npos);
}

}  // namespace
}  // namespace stator::document
