#include "stator/json_reader.hpp"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::json {
namespace {

bool is_valid(std::string_view text) {
  Reader reader(text);
  std::string_view raw;
  return reader.skip(raw) && reader.at_end();
}

std::string fault_of(std::string_view text) {
  Reader reader(text);
  std::string_view raw;
  if (reader.skip(raw) && reader.at_end()) return "";
  return reader.error();
}

std::string string_of(std::string_view text) {
  Reader reader(text);
  RawString raw;
  EXPECT_TRUE(reader.string(raw)) << text;
  return unescape(raw);
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(JsonReaderTest, AcceptsEveryKindOfValue) {
  for (const char* text :
       {"null", "true", "false", "0", "-0", "-1.5e+10", "1E5", "\"\"", "\"a\"", "[]", "{}",
        " [ 1 , \"a\" ,\t[ ] ,\r\n{ } ] ", R"({"a":{"b":[null]},"":0})"}) {
    EXPECT_TRUE(is_valid(text)) << text;
  }
}

TEST(JsonReaderTest, RefusesWhatIsNoJson) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulL",
                           "True",
                           "truefalse",
                           "[",
                           "]",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{",
                           "{a:1}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{,}",
                           "{\"a\":1 \"b\":2}",
                           "{1:2}",
                           "'a'",
                           "[1}",
                           "{\"a\":1]",
                           "NaN",
                           "Infinity",
                           "-Infinity",
                           "// x\n1",
                           "1 2",
                           "\xEF\xBB\xBF{}",
                           "[\"a\",\"b]",
                           "\v1",
                           "\xC2\xA0"
                           "1"}) {
    EXPECT_FALSE(is_valid(text)) << text;
  }
}

TEST(JsonReaderTest, HoldsNumbersToTheGrammar) {
  for (const char* text : {"01", "-", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1_000",
                           "--1", "1.5.5", "00", "-.5", "1e5.5"}) {
    EXPECT_FALSE(is_valid(text)) << text;
  }
}

TEST(JsonReaderTest, ReadsWholeNumbersExactlyToTheirLimits) {
  std::int64_t i = 0;
  std::uint64_t u = 0;
  EXPECT_TRUE(to_integer("-9223372036854775808", i));
  EXPECT_EQ(i, std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(to_integer("9223372036854775808", i));
  EXPECT_TRUE(to_integer("18446744073709551615", u));
  EXPECT_EQ(u, std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(to_integer("18446744073709551616", u));
  EXPECT_FALSE(to_integer("-1", u));
  for (const char* text : {"1.0", "1e2", ""}) EXPECT_FALSE(to_integer(text, i)) << text;
  EXPECT_TRUE(to_integer("-0", i));
  EXPECT_EQ(i, 0);
}

TEST(JsonReaderTest, ReadsDoublesToTheNearestAndRefusesOverflowAlone) {
  double d = 0;
  EXPECT_TRUE(to_double("0.1", d));
  EXPECT_EQ(d, 0.1);
  EXPECT_TRUE(to_double("1.7976931348623157e308", d));
  EXPECT_EQ(d, std::numeric_limits<double>::max());
  EXPECT_TRUE(to_double("5e-324", d));
  EXPECT_EQ(d, std::numeric_limits<double>::denorm_min());
  EXPECT_TRUE(to_double("1e-400", d));
  EXPECT_EQ(d, 0.0);
  EXPECT_FALSE(to_double("1e309", d));
  EXPECT_FALSE(to_double("-1e309", d));
}

TEST(JsonReaderTest, UnescapesStrings) {
  EXPECT_EQ(string_of(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(string_of(R"("\u0041\u00e9\u20AC")"), "A\xC3\xA9\xE2\x82\xAC");
  EXPECT_EQ(string_of(R"("\uD83D\uDE00")"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(string_of(R"("\uDBFF\uDFFF")"), "\xF4\x8F\xBF\xBF");
  EXPECT_EQ(string_of(R"("a\u0000b")"), std::string("a\0b", 3));
  EXPECT_EQ(string_of("\"\xC3\xA9\x7f\""), "\xC3\xA9\x7f");
}

TEST(JsonReaderTest, RefusesBrokenSurrogates) {
  EXPECT_EQ(fault_of(R"("\uD800")"), "lone high surrogate");
  EXPECT_EQ(fault_of(R"("\uD800x")"), "lone high surrogate");
  EXPECT_EQ(fault_of(R"("\uD800\n")"), "lone high surrogate");
  EXPECT_EQ(fault_of(R"("\uD800\u0041")"), "lone high surrogate");
  EXPECT_EQ(fault_of(R"("\uD800\uD800")"), "lone high surrogate");
  EXPECT_EQ(fault_of(R"("\uDC00")"), "lone low surrogate");
}

TEST(JsonReaderTest, RefusesBrokenEscapesAndControlCharacters) {
  EXPECT_EQ(fault_of(R"("\x41")"), "unknown escape");
  EXPECT_EQ(fault_of(R"("\U0041")"), "unknown escape");
  EXPECT_EQ(fault_of(R"("\u00g0")"), "expected four hex digits");
  EXPECT_EQ(fault_of(R"("\u004")"), "expected four hex digits");
  EXPECT_EQ(fault_of("\"\\u00"), "string without end");
  EXPECT_EQ(fault_of("\"a"), "string without end");
  EXPECT_EQ(fault_of("\"a\\"), "string without end");
  EXPECT_EQ(fault_of("\"a\nb\""), "control character in a string");
  EXPECT_EQ(fault_of(std::string_view("\"\0\"", 3)), "control character in a string");
  EXPECT_EQ(fault_of(std::string_view("\"\\\0\"", 4)), "unknown escape");
}

TEST(JsonReaderTest, BoundsTheDepth) {
  EXPECT_TRUE(is_valid(nested(kDepthMax)));
  EXPECT_EQ(fault_of(nested(kDepthMax + 1)), "nested too deeply");
  EXPECT_FALSE(is_valid(std::string(1'000'000, '[')));
  EXPECT_TRUE(is_valid("[" + nested(kDepthMax - 1) + "," + nested(kDepthMax - 1) + "]"));
}

TEST(JsonReaderTest, WalksObjectsAndArrays) {
  Reader reader(R"( {"a" : [1, 2], "b\n": "x" } )");
  RawString key;
  std::string seen;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    ASSERT_TRUE(reader.skip(raw));
    seen += unescape(key) + "=" + std::string(raw) + ";";
  }
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(seen, "a=[1, 2];b\n=\"x\";");
}

TEST(JsonReaderTest, GivesTheTextOfAValueWithoutTheSpaceAroundIt) {
  Reader reader("  [ 1 ]  ");
  std::string_view raw;
  ASSERT_TRUE(reader.skip(raw));
  EXPECT_EQ(raw, "[ 1 ]");
  EXPECT_TRUE(reader.at_end());
}

TEST(JsonReaderTest, KeepsTheFirstFaultAndItsPlace) {
  Reader reader("[1, x]");
  std::string_view raw;
  ASSERT_TRUE(reader.enter_array());
  ASSERT_TRUE(reader.next_element());
  ASSERT_TRUE(reader.skip(raw));
  ASSERT_TRUE(reader.next_element());
  EXPECT_FALSE(reader.skip(raw));
  EXPECT_EQ(reader.offset(), 4u);
  EXPECT_STREQ(reader.error(), "expected a value");
  EXPECT_FALSE(reader.next_element());
  EXPECT_FALSE(reader.at_end());
  EXPECT_EQ(reader.peek(), Kind::kBad);
  EXPECT_STREQ(reader.error(), "expected a value");
}

TEST(JsonReaderTest, ComparesKeysThroughTheirEscapes) {
  EXPECT_TRUE(equals({"name", false}, "name"));
  EXPECT_TRUE(equals({R"(n\u0061me)", true}, "name"));
  EXPECT_FALSE(equals({R"(n\u0061me)", true}, R"(n\u0061me)"));
}

}  // namespace
}  // namespace stator::json
