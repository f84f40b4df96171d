#include "request.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure.h"
#include "op_table.h"
#include "words.h"

namespace stator::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RequestTest : public ::testing::Test {
 protected:
  std::string build(const std::string& line) const {
    const auto words = split_words(line);
    return build_request(*catalog_.find(words[0]), std::span(words).subspan(1));
  }
  std::string refusal(const std::string& line) const {
    try {
      return "built " + build(line);
    } catch (const Failure& fault) {
      EXPECT_EQ(fault.exit_code(), kExitUsage);
      return fault.what();
    }
  }
  Catalog catalog_ = read_catalog(kOpTable);
};

TEST_F(RequestTest, TakesTheCollectionThenTheRequiredArguments) {
  EXPECT_EQ(build("thing_get users u1"),
            R"({"op":"thing_get","collection":"users","thing_id":"u1","payload_format":"json"})");
  EXPECT_EQ(build(R"(thing_put users u1 '{"a": 1}')"),
            R"({"op":"thing_put","collection":"users","thing_id":"u1","data":{"a": 1},)"
            R"("payload_format":"json"})");
}

TEST_F(RequestTest, LeavesTheCollectionOutWhenThereIsNone) {
  EXPECT_EQ(build("thing_count"), R"({"op":"thing_count","payload_format":"json"})");
  EXPECT_EQ(build("thing_count users"),
            R"({"op":"thing_count","collection":"users","payload_format":"json"})");
}

TEST_F(RequestTest, GivesKernelOpsNoCollectionUnlessThereIsOneWordMore) {
  EXPECT_EQ(build("member_add bob pw"),
            R"({"op":"member_add","member":"bob","secret":"pw","payload_format":"json"})");
  EXPECT_THAT(build("member_add users bob pw"), HasSubstr(R"("collection":"users")"));
}

TEST_F(RequestTest, KeepsWordsThatLookLikeNumbersStringsWhereTheTypeSaysSo) {
  EXPECT_THAT(build("thing_get users 007"), HasSubstr(R"("thing_id":"007")"));
  EXPECT_THAT(build("thing_get users true"), HasSubstr(R"("thing_id":"true")"));
  EXPECT_THAT(build(R"(thing_get users 'a"b')"), HasSubstr(R"("thing_id":"a\"b")"));
}

TEST_F(RequestTest, TypesOptionsByTheOpTable) {
  const std::string put = "thing_put c t {} ";
  EXPECT_THAT(build(put + "--count 3"), HasSubstr(R"("count":3)"));
  EXPECT_THAT(build(put + "--count=3"), HasSubstr(R"("count":3)"));
  EXPECT_THAT(build(put + "--weight null"), HasSubstr(R"("weight":null)"));
  EXPECT_THAT(build(put + "--weight -1.5e3"), HasSubstr(R"("weight":-1.5e3)"));
  EXPECT_THAT(build(put + "--mode fast"), HasSubstr(R"("mode":"fast")"));
  EXPECT_THAT(build(put + "--vector [1,2.5]"), HasSubstr(R"("vector":[1,2.5])"));
  EXPECT_THAT(build(put + "--vector AACAPw=="), HasSubstr(R"("vector":"AACAPw==")"));
  EXPECT_THAT(build(put + "--blob AQI="), HasSubstr(R"("blob":"AQI=")"));
  EXPECT_THAT(build(put + R"(--parts [{"part_id":"x"}])"),
              HasSubstr(R"("parts":[{"part_id":"x"}])"));
}

TEST_F(RequestTest, ReadsAFlagAsTrueAndAnExplicitValueAsItSays) {
  EXPECT_THAT(build("thing_put c t {} --if_absent"), HasSubstr(R"("if_absent":true)"));
  EXPECT_THAT(build("thing_put c t {} --if-absent --count 2"),
              HasSubstr(R"("count":2,"if_absent":true)"));
  EXPECT_THAT(build("thing_put c t {} --if_absent false"), HasSubstr(R"("if_absent":false)"));
  EXPECT_THAT(build("thing_put c --if_absent t {}"), HasSubstr(R"("if_absent":true)"));
}

TEST_F(RequestTest, TakesBareWordsAsStringsWhereScalarsAreAccepted) {
  EXPECT_THAT(build("thing_put c t {} --bound abc"), HasSubstr(R"("bound":"abc")"));
  EXPECT_THAT(build("thing_put c t {} --bound 5"), HasSubstr(R"("bound":5)"));
  EXPECT_THAT(build(R"(thing_put c t {} --bound '"5"')"), HasSubstr(R"("bound":"5")"));
}

TEST_F(RequestTest, GathersRepeatedStringsInAList) {
  EXPECT_THAT(build("thing_get c t --fields a --fields b"), HasSubstr(R"("fields":["a","b"])"));
  EXPECT_THAT(build(R"(thing_get c t --fields '[ "a" ]' --fields b)"),
              HasSubstr(R"("fields":["a","b"])"));
  EXPECT_THAT(build("thing_get c t --fields [] --fields b"), HasSubstr(R"("fields":["b"])"));
}

TEST_F(RequestTest, PassesSharedFieldsOn) {
  EXPECT_THAT(
      build("thing_get c t --deadline_ms 50 --priority high --id 7 --strict"),
      HasSubstr(
          R"("id":7,"deadline_ms":50,"priority":"high","payload_format":"json","strict":true)"));
  EXPECT_THAT(build("thing_get t --collection c"), HasSubstr(R"("collection":"c","thing_id":"t")"));
  const std::string frame = build("thing_get c t --payload_format base64");
  EXPECT_THAT(frame, HasSubstr(R"("payload_format":"base64"})"));
}

TEST_F(RequestTest, TakesRequiredArgumentsByNameToo) {
  EXPECT_EQ(build("thing_put c --data {} t"), build("thing_put c --data={} --thing_id t"));
  EXPECT_THAT(build("thing_get c --tid t"), HasSubstr(R"("thing_id":"t")"));
}

TEST_F(RequestTest, TakesWordsBehindADoubleDashAsTheyStand) {
  EXPECT_THAT(build("thing_get c -- --odd"), HasSubstr(R"("thing_id":"--odd")"));
}

TEST_F(RequestTest, NamesWhatIsWrong) {
  EXPECT_EQ(refusal("thing_get users"),
            "missing 'thing_id'; usage: stator thing_get COLLECTION THING_ID [--name VALUE]...");
  EXPECT_THAT(refusal("thing_get c t more"), HasSubstr("one word too many: 'more'"));
  EXPECT_THAT(refusal("thing_put c t {} --cuont 3"), HasSubstr("did you mean 'count'?"));
  EXPECT_THAT(refusal("thing_get c t --host x"), HasSubstr("stand before the operation"));
  EXPECT_EQ(refusal("thing_put c t {} --count many"),
            "argument 'count' must be a number, not 'many'");
  EXPECT_EQ(refusal("thing_put c t {a:1}"), "argument 'data' must be valid JSON, not '{a:1}'");
  EXPECT_THAT(refusal("thing_put c t word"), HasSubstr("'data' must be valid JSON"));
  EXPECT_EQ(refusal("thing_put c t {} --parts {}"),
            "argument 'parts' must be a JSON array of objects, not '{}'");
  EXPECT_EQ(refusal("thing_put c t {} --if_absent=maybe"),
            "argument 'if_absent' must be true or false, not 'maybe'");
  EXPECT_EQ(refusal("thing_put c t {} --count"), "argument 'count' has no value");
  EXPECT_EQ(refusal("thing_put c t {} --count 1 --count 2"), "argument 'count' is given twice");
}

TEST(JsonPayloadTest, AsksForJsonUnlessTheRequestSaysOtherwise) {
  EXPECT_EQ(with_json_payload(R"({"op":"x"})"), R"({"op":"x","payload_format":"json"})");
  EXPECT_EQ(with_json_payload("{ } \n"), R"({ "payload_format":"json"})");
  EXPECT_EQ(with_json_payload(R"({"payload_format":"base64"})"), R"({"payload_format":"base64"})");
  EXPECT_EQ(with_json_payload(R"({"a":{"payload_format":1}})"),
            R"({"a":{"payload_format":1},"payload_format":"json"})");
}

TEST(JsonPayloadTest, RefusesWhatIsNoObject) {
  for (const char* text : {"", "[]", "{", R"({"a":1}})", "{a:1}", "nonsense"}) {
    EXPECT_THROW(with_json_payload(text), Failure) << text;
  }
}

TEST(WordsTest, SplitsAsAShellDoes) {
  EXPECT_THAT(split_words(R"(a 'b c' "d \"e\"" f\ g '' h"i"j)"),
              ElementsAre("a", "b c", "d \"e\"", "f g", "", "hij"));
  EXPECT_THAT(split_words("  \t "), ElementsAre());
}

TEST(WordsTest, TakesJsonAsOneWord) {
  EXPECT_THAT(split_words(R"(put c {"a b": [1, "}"]} --x=[1, 2] {broken)"),
              ElementsAre("put", "c", R"({"a b": [1, "}"]})", "--x=[1, 2]", "{broken"));
}

TEST(WordsTest, RefusesAQuoteWithoutEnd) {
  EXPECT_THROW(split_words("a 'b"), Failure);
  EXPECT_THROW(split_words("a \"b\\\""), Failure);
}

}  // namespace
}  // namespace stator::client
