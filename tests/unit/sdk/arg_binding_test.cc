// How the fake kernel binds arguments: the rules of stator/args.h and stator/op.h.
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stator/engine.hpp"

#include "fake_kernel.h"
#include "toy_engine.h"

namespace stator::testkit {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDefaults = R"({"u64*":7,"colour*":1})";

class ArgBindingTest : public ::testing::Test {
 protected:
  std::string echo(const std::string& args) {
    const Answer answer = kernel_.call("echo", args);
    EXPECT_EQ(answer.status, STATOR_OK) << answer.detail;
    return answer.payload;
  }
  // The field and sentence of the refusal.
  std::string refusal(const std::string& args) {
    const Answer answer = kernel_.call("echo", args);
    EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST) << answer.payload;
    return answer.field + ": " + answer.detail;
  }
  FakeKernel kernel_{&toy_entry};
};

TEST_F(ArgBindingTest, BindsDefaultsAndMarksThemAsNotGiven) {
  EXPECT_EQ(echo("{}"), kDefaults);
}

TEST_F(ArgBindingTest, BindsEveryType) {
  EXPECT_EQ(echo(R"({"str":"ab","bytes":"AQI=","i64":-5,"u64":18446744073709551615,"f64":0.5,
                    "bool":true,"colour":"red","vector":[1,-2.5],"names":["x",""],
                    "array":[1, {"a":null}],"any":null,"signed":-9223372036854775808})"),
            "{\"str\":\"ab\",\"bytes\":\"\\u0001\\u0002\",\"i64\":-5,\"u64\":18446744073709551615,"
            "\"f64\":0.5,\"bool\":true,\"colour\":0,\"vector\":[1,-2.5],\"names\":[\"x\",\"\"],"
            "\"array\":[1, {\"a\":null}],\"any\":null,\"signed\":-9223372036854775808}");
}

TEST_F(ArgBindingTest, AcceptsTheAlias) {
  EXPECT_THAT(echo(R"({"text":"ab"})"), HasSubstr(R"("str":"ab")"));
}

TEST_F(ArgBindingTest, IgnoresUnknownFields) {
  EXPECT_THAT(echo(R"({"nobody":{"knows":[1]},"i64":1})"), HasSubstr(R"("i64":1)"));
}

TEST_F(ArgBindingTest, CountsNullAsAbsentWhereNullable) {
  EXPECT_EQ(echo(R"({"f64":null})"), kDefaults);
  EXPECT_EQ(refusal(R"({"i64":null})"), "i64: 'i64' must be a whole number from -5 to 5");
}

TEST_F(ArgBindingTest, NamesAMissingField) {
  const Answer answer = kernel_.call("get", "{}");
  EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(answer.field, "key");
  EXPECT_EQ(answer.detail, "missing 'key'");
}

TEST_F(ArgBindingTest, UnescapesStringsBeforeCountingTheirBytes) {
  EXPECT_THAT(echo(R"({"str":"\u0041\n"})"), HasSubstr(R"("str":"A\n")"));
  EXPECT_EQ(refusal(R"({"str":"a"})"), "str: 'str' must be 2 to 4 bytes long");
  EXPECT_EQ(refusal(R"({"str":"abcde"})"), "str: 'str' must be 2 to 4 bytes long");
  EXPECT_EQ(refusal(R"({"str":5})"), "str: 'str' must be a string");
}

TEST_F(ArgBindingTest, RefusesBase64ThatIsNotStrict) {
  for (const char* text : {"AQI", "AQI=AQI=", "AQ==x", "A===", "AQJ=", "A QI=", "-_==", "====="}) {
    EXPECT_THAT(refusal(std::string(R"({"bytes":")") + text + "\"}"), HasSubstr("base64")) << text;
  }
  EXPECT_THAT(echo(R"({"bytes":""})"), HasSubstr(R"("bytes":"")"));
}

TEST_F(ArgBindingTest, HoldsNumbersToTheirBoundsAndTypes) {
  EXPECT_EQ(refusal(R"({"i64":6})"), "i64: 'i64' must be a whole number from -5 to 5");
  EXPECT_EQ(refusal(R"({"i64":-6})"), "i64: 'i64' must be a whole number from -5 to 5");
  EXPECT_EQ(refusal(R"({"i64":1.5})"), "i64: 'i64' must be a whole number from -5 to 5");
  EXPECT_EQ(refusal(R"({"i64":"1"})"), "i64: 'i64' must be a whole number from -5 to 5");
  EXPECT_EQ(refusal(R"({"wide":-1})"), "wide: 'wide' must be a whole number from 0 to 2^64-1");
  EXPECT_EQ(refusal(R"({"wide":18446744073709551616})"),
            "wide: 'wide' must be a whole number from 0 to 2^64-1");
  EXPECT_EQ(refusal(R"({"signed":9223372036854775808})"),
            "signed: 'signed' must be a whole number of 64 bits");
  EXPECT_EQ(refusal(R"({"f64":1.01})"), "f64: 'f64' must be a number from 0 to 1");
  EXPECT_EQ(refusal(R"({"f64":1e999})"), "f64: 'f64' must be a number from 0 to 1");
}

TEST_F(ArgBindingTest, NamesTheChoices) {
  EXPECT_EQ(refusal(R"({"colour":"green"})"), R"(colour: 'colour' must be one of "red", "blue")");
  EXPECT_EQ(refusal(R"({"colour":0})"), R"(colour: 'colour' must be one of "red", "blue")");
  EXPECT_EQ(refusal(R"({"bool":1})"), "bool: 'bool' must be true or false");
}

TEST_F(ArgBindingTest, ReadsVectorsFromBase64) {
  EXPECT_THAT(echo(R"({"vector":"AACAPwAAAMA="})"), HasSubstr(R"("vector":[1,-2])"));
  EXPECT_THAT(refusal(R"({"vector":"AQI="})"), HasSubstr("base64 of little-endian float32"));
  EXPECT_THAT(refusal(R"({"vector":"AACAPwAAgH8="})"), HasSubstr("element 1 is not a finite"));
  EXPECT_THAT(refusal(R"({"vector":"AACAPwAAwH8="})"), HasSubstr("element 1 is not a finite"));
}

TEST_F(ArgBindingTest, NamesTheElementOfAVectorThatIsNoFiniteNumber) {
  EXPECT_EQ(refusal(R"({"vector":[1,"a"]})"),
            "vector: 'vector' must hold numbers only: element 1 is not a number");
  EXPECT_THAT(refusal(R"({"vector":[1,2,1e39]})"), HasSubstr("element 2 is not a finite float32"));
  EXPECT_THAT(refusal(R"({"vector":[null]})"), HasSubstr("element 0 is not a number"));
  EXPECT_THAT(refusal(R"({"vector":{}})"), HasSubstr("must be an array of numbers"));
}

TEST_F(ArgBindingTest, HoldsListsToTheirBounds) {
  EXPECT_EQ(refusal(R"({"names":["a","b","c","d"]})"),
            "names: 'names' must be 0 to 3 strings long");
  EXPECT_EQ(refusal(R"({"names":["a",1]})"), "names[1]: 'names[1]' must be a string");
}

TEST_F(ArgBindingTest, AcceptsOnlyTheKindsOfJsonAnArgumentNames) {
  EXPECT_EQ(refusal(R"({"array":{}})"), "array: 'array' must be an array");
  EXPECT_EQ(refusal(R"({"array":null})"), "array: 'array' must be an array");
  EXPECT_THAT(echo(R"({"any":{"a":[]}})"), HasSubstr(R"("any":{"a":[]})"));
}

TEST_F(ArgBindingTest, NamesTheRowAndFieldAtFault) {
  const auto put_many = [&](const char* args) { return kernel_.call("put_many", args); };
  EXPECT_EQ(put_many(R"({"items":[{"key":"a"},{}]})").detail, "missing 'items[1].key'");
  EXPECT_EQ(put_many(R"({"items":[{"key":"a"},{}]})").field, "items[1].key");
  EXPECT_EQ(put_many(R"({"items":[{"key":"a"},5]})").detail, "'items[1]' must be an object");
  EXPECT_EQ(put_many(R"({"items":{}})").detail, "'items' must be an array of objects");
  EXPECT_THAT(put_many(R"({"items":[{"key":"a","vector":[1,[]]}]})").detail,
              HasSubstr("'items[0].vector' must hold numbers only: element 1"));
}

TEST_F(ArgBindingTest, RefusesWhatIsNoJsonObject) {
  for (const char* text : {"", "[]", "{", R"({"a":1}x)", R"({"a":01})", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(kernel_.call("echo", text).status, STATOR_E_BAD_REQUEST) << text;
  }
}

TEST_F(ArgBindingTest, TakesTheLastOfTwoFieldsOfOneName) {
  EXPECT_THAT(echo(R"({"i64":1,"i64":2})"), HasSubstr(R"("i64":2)"));
}

}  // namespace
}  // namespace stator::testkit
