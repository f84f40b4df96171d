// point_put, point_get, point_delete.
#include <string>

#include "document_fixture.h"

namespace stator::document {
namespace {

TEST(PointPutTest, AnswersWhetherTheDocumentExistedAndTheLsn) {
  Documents documents;
  EXPECT_EQ(documents.put("a", R"({"n":1})").payload, R"({"existed":false,"lsn":1})");
  EXPECT_EQ(documents.put("a", R"({"n":2})").payload, R"({"existed":true,"lsn":2})");
  EXPECT_EQ(documents.kernel.last_lsn(), 2u);
}

TEST(PointPutTest, ReplacesTheWholeDocument) {
  Documents documents;
  documents.put("a", R"({"n":1,"old":true})");
  documents.put("a", R"({"n":2})");
  EXPECT_EQ(documents.get("a").payload, R"({"n":2})");
}

TEST(PointPutTest, IfAbsentRefusesAnExistingDocument) {
  Documents documents;
  EXPECT_EQ(documents.put("a", R"({"n":1})", R"("if_absent":true)").status, STATOR_OK);
  const auto refused = documents.put("a", R"({"n":2})", R"("if_absent":true)");
  EXPECT_EQ(refused.status, STATOR_E_DUPLICATE_WRITE);
  EXPECT_EQ(refused.field, "document_id");
  EXPECT_EQ(documents.get("a").payload, R"({"n":1})");
  documents.erase("a");
  EXPECT_EQ(documents.put("a", R"({"n":3})", R"("if_absent":true)").status, STATOR_OK);
}

TEST(PointPutTest, IfLsnWritesOnlyOverThatVersion) {
  Documents documents;
  documents.put("x", "{}");
  ASSERT_EQ(documents.put("a", R"({"n":1})", R"("if_lsn":0)").payload,
            R"({"existed":false,"lsn":2})");
  const auto refused = documents.put("a", R"({"n":2})", R"("if_lsn":1)");
  EXPECT_EQ(refused.status, STATOR_E_CONFLICT_RETRY);
  EXPECT_EQ(refused.field, "if_lsn");
  EXPECT_EQ(documents.put("a", R"({"n":2})", R"("if_lsn":0)").status, STATOR_E_CONFLICT_RETRY);
  EXPECT_EQ(documents.put("missing", "{}", R"("if_lsn":2)").status, STATOR_E_CONFLICT_RETRY);
  EXPECT_EQ(documents.put("a", R"({"n":2})", R"("if_lsn":2)").status, STATOR_OK);
  EXPECT_EQ(documents.get("a").payload, R"({"n":2})");
}

TEST(PointPutTest, RefusesWhatCannotBeStoredAndNamesTheField) {
  Documents documents;
  EXPECT_EQ(documents.put("a", "[1]").field, "data");
  EXPECT_EQ(documents.put("a", "[1]").status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(documents.put("", "{}").field, "document_id");
  EXPECT_EQ(documents.put(std::string(257, 'x'), "{}").field, "document_id");
  EXPECT_EQ(documents.kernel.call("point_put", R"({"document_id":"a"})").field, "data");
  const auto exponent = documents.put("a", R"({"n":1e9999999999})");
  EXPECT_EQ(exponent.status, STATOR_E_REJECTED_PREVALIDATION);
  EXPECT_EQ(exponent.field, "data");
  EXPECT_EQ(documents.kernel.last_lsn(), 0u);
}

TEST(PointGetTest, AMissingDocumentIsNotFound) {
  Documents documents;
  documents.put("a", "{}");
  for (const char* id : {"b", "aa", "A"}) {
    const auto answer = documents.get(id);
    EXPECT_EQ(answer.status, STATOR_E_NOT_FOUND);
    EXPECT_EQ(answer.field, "document_id");
  }
}

TEST(PointGetTest, KeepsTenantsAndCollectionsApart) {
  Documents documents;
  documents.kernel.call("point_put", R"({"document_id":"c","data":{"n":1}})", "a:b", 1);
  EXPECT_EQ(documents.kernel.call("point_get", R"({"document_id":"b:c"})", "a", 1).status,
            STATOR_E_NOT_FOUND);
  EXPECT_EQ(documents.kernel.call("point_get", R"({"document_id":"c"})", "a:b", 2).status,
            STATOR_E_NOT_FOUND);
  EXPECT_EQ(documents.kernel.call("point_get", R"({"document_id":"c"})", "a:b", 1).payload,
            R"({"n":1})");
}

TEST(PointGetTest, IdsMayHoldAnyBytes) {
  Documents documents;
  const std::string ids[] = {":",      std::string("\0", 1), std::string("a\0b", 3),
                             "\u00e9", "\U0001F600",         std::string(256, 'z')};
  for (const std::string& id : ids) documents.put(id, "{\"id\":" + to_json(id) + "}");
  for (const std::string& id : ids) {
    EXPECT_EQ(documents.get(id).payload, "{\"id\":" + to_json(id) + "}");
  }
}

TEST(PointGetTest, ProjectsTheFieldsThatAreAsked) {
  Documents documents;
  documents.put("a", R"({"name":"Ada","address":{"city":"Rome","zip":[1,2]},"age":36})");
  EXPECT_EQ(documents.get("a", R"("fields":["age","name"])").payload, R"({"age":36,"name":"Ada"})");
  EXPECT_EQ(
      documents.get("a", R"("fields":["address.city","address.zip.1","none","age.x"])").payload,
      R"({"address.city":"Rome","address.zip.1":2})");
  EXPECT_EQ(documents.get("a", R"("fields":["age","age"])").payload, R"({"age":36})");
  EXPECT_EQ(documents.get("a", R"("fields":["none"])").payload, "{}");
}

TEST(PointGetTest, RefusesBadFields) {
  Documents documents;
  documents.put("a", "{}");
  for (const char* fields : {R"("fields":[])", R"("fields":["a..b"])", R"("fields":[""])"}) {
    const auto answer = documents.get("a", fields);
    EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST) << fields;
    EXPECT_EQ(answer.field, "fields") << fields;
  }
}

TEST(PointDeleteTest, RemovesTheDocumentAndSaysWhetherThereWasOne) {
  Documents documents;
  documents.put("a", R"({"n":1})");
  EXPECT_EQ(documents.erase("a").payload, R"({"existed":true,"lsn":2})");
  EXPECT_EQ(documents.get("a").status, STATOR_E_NOT_FOUND);
  EXPECT_EQ(documents.erase("a").payload, R"({"existed":false,"lsn":0})");
  EXPECT_EQ(documents.kernel.last_lsn(), 2u);
  EXPECT_TRUE(documents.kernel.dump().empty());
}

TEST(PointDeleteTest, IfLsnDeletesOnlyThatVersion) {
  Documents documents;
  documents.put("a", "{}");
  documents.put("a", "{}");
  EXPECT_EQ(documents.erase("a", R"("if_lsn":1)").status, STATOR_E_CONFLICT_RETRY);
  EXPECT_EQ(documents.erase("b", R"("if_lsn":1)").status, STATOR_E_CONFLICT_RETRY);
  EXPECT_EQ(documents.erase("b", R"("if_lsn":0)").payload, R"({"existed":false,"lsn":0})");
  EXPECT_EQ(documents.erase("a", R"("if_lsn":2)").payload, R"({"existed":true,"lsn":3})");
}

TEST(PointOpsTest, SurviveRestartAndReplay) {
  Documents documents(2);
  documents.put("a", R"({"n":1})");
  documents.put("b", R"({"n":2})");
  documents.erase("a");
  const auto before = documents.kernel.dump();
  documents.kernel.restart();
  EXPECT_EQ(documents.get("b").payload, R"({"n":2})");
  documents.kernel.replay();
  EXPECT_EQ(documents.kernel.dump(), before);
  EXPECT_EQ(documents.put("b", "{}", R"("if_lsn":2)").status, STATOR_OK);
}

}  // namespace
}  // namespace stator::document
