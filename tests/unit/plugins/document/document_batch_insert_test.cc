// document_batch_insert.
#include <string>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testkit::Answer;

Answer batch(Documents& documents, std::string_view rows, std::string_view on_conflict = {}) {
  std::string args = "{\"documents\":" + std::string(rows);
  if (!on_conflict.empty()) args += ",\"on_conflict\":" + to_json(on_conflict);
  return documents.kernel.call("document_batch_insert", args + "}");
}

std::string many(int first, int count, int value) {
  std::string rows = "[";
  for (int i = first; i < first + count; ++i) {
    rows += "{\"document_id\":\"d" + std::to_string(i) +
            "\",\"data\":{\"v\":" + std::to_string(value) + "}},";
  }
  rows.back() = ']';
  return rows;
}

TEST(DocumentBatchInsertTest, InsertsOverAllLanes) {
  Documents documents(3);
  EXPECT_EQ(batch(documents, many(0, 50, 1)).payload,
            R"({"inserted":50,"replaced":0,"skipped":0})");
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(documents.get("d" + std::to_string(i)).payload, R"({"v":1})");
  }
}

TEST(DocumentBatchInsertTest, AConflictRefusesTheWholeBatchByDefault) {
  Documents documents;
  documents.put("d3", R"({"v":0})");
  const Answer refused = batch(documents, many(0, 10, 1));
  EXPECT_EQ(refused.status, STATOR_E_DUPLICATE_WRITE);
  EXPECT_EQ(refused.field, "document_id");
  EXPECT_NE(refused.detail.find("d3"), std::string::npos);
  EXPECT_EQ(documents.kernel.last_lsn(), 1u);
  EXPECT_EQ(documents.get("d0").status, STATOR_E_NOT_FOUND);
}

TEST(DocumentBatchInsertTest, ReplacesOrSkipsWhatExists) {
  Documents documents(2);
  batch(documents, many(0, 10, 1));
  EXPECT_EQ(batch(documents, many(5, 10, 2), "replace").payload,
            R"({"inserted":5,"replaced":5,"skipped":0})");
  EXPECT_EQ(documents.get("d7").payload, R"({"v":2})");
  EXPECT_EQ(batch(documents, many(10, 10, 3), "skip").payload,
            R"({"inserted":5,"replaced":0,"skipped":5})");
  EXPECT_EQ(documents.get("d12").payload, R"({"v":2})");
  EXPECT_EQ(documents.get("d17").payload, R"({"v":3})");
}

TEST(DocumentBatchInsertTest, AnIdThatComesTwiceFollowsOnConflict) {
  const char* rows = R"([{"document_id":"a","data":{"v":1}},{"document_id":"a","data":{"v":2}}])";
  Documents refusing;
  EXPECT_EQ(batch(refusing, rows).status, STATOR_E_DUPLICATE_WRITE);
  EXPECT_TRUE(refusing.kernel.dump().empty());
  Documents replacing;
  EXPECT_EQ(batch(replacing, rows, "replace").payload,
            R"({"inserted":1,"replaced":1,"skipped":0})");
  EXPECT_EQ(replacing.get("a").payload, R"({"v":2})");
  Documents skipping;
  EXPECT_EQ(batch(skipping, rows, "skip").payload, R"({"inserted":1,"replaced":0,"skipped":1})");
  EXPECT_EQ(skipping.get("a").payload, R"({"v":1})");
}

TEST(DocumentBatchInsertTest, RefusesBadRowsAndNamesTheField) {
  Documents documents;
  EXPECT_EQ(batch(documents, "[]").field, "documents");
  EXPECT_EQ(batch(documents, R"([{"document_id":"a"}])").field, "documents[0].data");
  EXPECT_EQ(batch(documents, R"([{"document_id":"a","data":{}}])", "merge").field, "on_conflict");
  const Answer refused =
      batch(documents,
            R"([{"document_id":"a","data":{}},{"document_id":"b","data":{"x":1e9999999999}}])");
  EXPECT_EQ(refused.status, STATOR_E_REJECTED_PREVALIDATION);
  EXPECT_EQ(refused.field, "data");
  EXPECT_TRUE(documents.kernel.dump().empty());
}

TEST(DocumentBatchInsertTest, StopsWhenInterrupted) {
  Documents documents;
  documents.kernel.interrupt_next();
  EXPECT_EQ(batch(documents, many(0, 10, 1)).status, STATOR_E_DEADLINE_EXCEEDED);
  EXPECT_TRUE(documents.kernel.dump().empty());
}

TEST(DocumentBatchInsertTest, MaintainsIndexes) {
  Documents documents(2);
  documents.create_index("v");
  batch(documents, many(0, 20, 1));
  batch(documents, many(0, 20, 2), "replace");
  EXPECT_EQ(documents.entries().size(), 20u);
  const auto answer = documents.kernel.call("range_scan", R"({"field":"v","lower":2})");
  EXPECT_EQ(rows_of(answer).size(), 20u);
}

}  // namespace
}  // namespace stator::document
