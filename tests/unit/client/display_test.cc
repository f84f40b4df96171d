// What people see: tables, help, refusals.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "answer.h"
#include "catalog.h"
#include "failure.h"
#include "help.h"
#include "op_table.h"
#include "table.h"

namespace stator::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TableTest, MakesRowsOfObjects) {
  EXPECT_EQ(payload_table(R"([{"id":"a","n":1},{"n":22,"x":null}])"),
            "id  n   x\n"
            "--  --  ----\n"
            "a   1\n"
            "    22  null\n"
            "(2 rows)\n");
}

TEST(TableTest, ShowsTheOneTableOfAnObjectAndItsOtherMembersBelow) {
  EXPECT_EQ(payload_table(R"({"rows":[{"id":"a"}],"cursor":"zz","done":true})"),
            "id\n--\na\n(1 row)\ncursor  zz\ndone    true\n");
}

TEST(TableTest, ShowsAnObjectByItsMembers) {
  EXPECT_EQ(payload_table(R"({"name":"Anna","tags":["a", "b"]})"),
            "name  Anna\ntags  [\"a\",\"b\"]\n");
}

TEST(TableTest, ShowsScalarsListsAndNothing) {
  EXPECT_EQ(payload_table("5"), "5\n");
  EXPECT_EQ(payload_table(R"(["a",1])"), "a\n1\n(2 rows)\n");
  EXPECT_EQ(payload_table("[]"), "(0 rows)\n");
  EXPECT_EQ(payload_table("null"), "ok\n");
  EXPECT_EQ(payload_table(""), "ok\n");
}

TEST(TableTest, CountsCharactersAndCutsLongCells) {
  EXPECT_EQ(payload_table("[{\"a\":\"\xC3\xA9\xC3\xA9\",\"b\":1}]"),
            "a   b\n--  -\n\xC3\xA9\xC3\xA9  1\n(1 row)\n");
  const std::string text = payload_table("[{\"a\":\"" + std::string(100, 'x') + "\"}]");
  EXPECT_THAT(text, HasSubstr("\n" + std::string(59, 'x') + "\xE2\x80\xA6\n"));
}

TEST(TableTest, LetsNoControlCharacterReachTheTerminal) {
  const std::string text = payload_table("[{\"a\\u001b[2J\":\"b\\u001b]0;x\\u0007\\n\\u009b\"}]");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("b\\u001b]0;x\\u0007\\n\\u009b"));
}

TEST(AnswerTest, ReadsAFrame) {
  const Answer answer = read_answer(
      R"({"request_id":7,"status":"ok","payload":{"a": [1, 2]},"watermark_lsn":4,"error_code":null})");
  EXPECT_EQ(answer.request_id, 7u);
  EXPECT_FALSE(answer.is_error());
  EXPECT_TRUE(answer.is_last());
  EXPECT_EQ(answer.payload, R"({"a":[1,2]})");
  EXPECT_EQ(answer.error_code, "");
}

TEST(AnswerTest, MakesOneSentenceOfARefusal) {
  const Answer answer = read_answer(
      R"({"request_id":1,"status":"error","payload":null,"error_code":"bad_request","code":5001,
          "error":"must be a string","field":"tid","hint":"quote\u001b it"})");
  EXPECT_TRUE(answer.is_error());
  EXPECT_EQ(answer.sentence(), "bad_request: must be a string (field 'tid'); quote\\u001b it");
}

TEST(AnswerTest, RefusesFramesThatAreNoAnswer) {
  for (const char* frame : {"", "[]", "{}", "HTTP/1.1 400", R"({"status":"ok"} x)"}) {
    EXPECT_THROW(read_answer(frame), Failure) << frame;
  }
}

TEST(CompactJsonTest, DropsSpaceBetweenTokensOnly) {
  EXPECT_EQ(compact_json("{ \"a b\" :\n[ 1 , \"\\\" x\" ] }"), R"({"a b":[1,"\" x"]})");
}

TEST(CatalogTest, FindsOpsByNameAliasAndCanonicalName) {
  const Catalog catalog = read_catalog(kOpTable);
  for (const char* name : {"thing_get", "fetch", "shelf.thing_get"}) {
    ASSERT_NE(catalog.find(name), nullptr) << name;
    EXPECT_EQ(catalog.find(name)->name, "thing_get");
  }
  EXPECT_EQ(catalog.find("thing"), nullptr);
  EXPECT_EQ(catalog.server, "statord 0.1.0");
  EXPECT_THROW(read_catalog("{}"), Failure);
}

TEST(CatalogTest, FindsTheNearestName) {
  EXPECT_EQ(nearest_name("thing_gte", {"thing_put", "thing_get"}), "thing_get");
  EXPECT_EQ(nearest_name("nothing", {"thing_put", "thing_get"}), "");
}

TEST(HelpTest, ListsOpsByEngine) {
  const std::string text = ops_text(read_catalog(kOpTable));
  EXPECT_LT(text.find("member_add"), text.find("thing_count"));
  EXPECT_LT(text.find("thing_get"), text.find("thing_put"));
  EXPECT_THAT(text, HasSubstr("Reads a thing."));
  EXPECT_THAT(text, Not(HasSubstr("Slowly")));
}

TEST(HelpTest, ExplainsArgumentsWithTypesBoundsAndDefaults) {
  const std::string text = help_text(*read_catalog(kOpTable).find("thing_put"));
  EXPECT_THAT(text, HasSubstr("stator thing_put COLLECTION THING_ID DATA [--name VALUE]..."));
  EXPECT_THAT(text, HasSubstr("u64, 1 to 10, default 1"));
  EXPECT_THAT(text, HasSubstr("f64, default null, or null"));
  EXPECT_THAT(text, HasSubstr("fast|safe, default \"safe\""));
  EXPECT_THAT(text, HasSubstr("json (object)"));
  EXPECT_THAT(text, HasSubstr("part_id"));
  EXPECT_THAT(text, HasSubstr("Uses other"));
}

TEST(HelpTest, ShowsTheExampleAndTheAliases) {
  const std::string text = help_text(*read_catalog(kOpTable).find("fetch"));
  EXPECT_THAT(text, HasSubstr(R"(stator --json '{"op":"thing_get","thing_id":"a"}')"));
  EXPECT_THAT(text, HasSubstr("thing_id (tid)"));
  EXPECT_THAT(text, HasSubstr("Also known as fetch"));
}

}  // namespace
}  // namespace stator::client
