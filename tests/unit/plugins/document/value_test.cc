// The stored form: JSON goes in and the same JSON value comes out.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "document_fixture.h"
#include "storage.h"

namespace stator::document {
namespace {

std::string encoded(std::string_view text) {
  std::string stored;
  Encoder encoder;
  EXPECT_TRUE(encoder.encode(text, stored)) << text << ": " << encoder.error();
  return stored;
}

std::string round_trip(std::string_view text) {
  const std::string stored = encoded(text);
  json::StringOut out;
  json::Writer writer(out);
  write_json(writer, read_value(stored));
  return out.take();
}

int compare_texts(std::string_view a, std::string_view b) {
  const std::string left = encoded(a);
  const std::string right = encoded(b);
  return compare_values(read_value(left), read_value(right));
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out.append(text);
  return out;
}

TEST(StoredValueTest, KeepsEveryKindOfValueAndTheOrderOfKeys) {
  for (const char* text :
       {"null", "true", "false", "0", "\"\"", "[]", "{}", R"({"b":1,"a":2,"":3})",
        R"([null,true,[1,[2,{}]],{"x":{"y":[{"z":"w"}]}}])", R"("\"\\\n\r\t")", "\"\\u0001\"",
        "\"h\u00e9llo \U0001F600\""}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(StoredValueTest, KeepsNumbersExactly) {
  for (const char* text :
       {"9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "18446744073709551615", "9007199254740993", "0.1", "-0", "1.5", "5e-324",
        "1.7976931348623157e+308", "-2.2250738585072014e-308", "127", "128", "-64", "-65",
        // None of these is an int64, a uint64 or a double's text: kept as they are.
        "18446744073709551617", "-9223372036854775809", "0.1000000000000000055511151231257827",
        "1e400", "-1E-400", "123456789012345678901234567890.5", "1e999999999",
        "9007199254740993.0"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(StoredValueTest, WritesEqualNumbersInTheirShortestForm) {
  EXPECT_EQ(round_trip("1.0"), "1");
  EXPECT_EQ(round_trip("15e-1"), "1.5");
  EXPECT_EQ(round_trip("-0.0"), "-0");
  EXPECT_EQ(round_trip("0e999"), "0");
  EXPECT_EQ(round_trip("18446744073709551616"), "18446744073709551616");
}

TEST(StoredValueTest, RefusesAnExponentBeyondItsBound) {
  std::string stored = "kept";
  Encoder encoder;
  EXPECT_FALSE(encoder.encode(R"({"a":1e1000000000})", stored));
  EXPECT_STREQ(encoder.error(), "a number's exponent is beyond 999999999");
  EXPECT_FALSE(encoder.encode("1e-99999999999999999999999", stored));
  EXPECT_EQ(stored, "kept");
}

TEST(StoredValueTest, UnescapesSurrogatePairsAndRefusesLoneOnes) {
  EXPECT_EQ(round_trip(R"("\uD83D\uDE00")"), "\"\U0001F600\"");
  EXPECT_EQ(round_trip(R"({"\u0061\u00e9":"\u0000\/"})"), "{\"a\u00e9\":\"\\u0000/\"}");
  std::string stored;
  Encoder encoder;
  for (const char* text : {R"("\uD83D")", R"("\uDE00")", R"("\uD83Dx")", R"("\uD83D\u0041")"}) {
    EXPECT_FALSE(encoder.encode(text, stored)) << text;
    EXPECT_TRUE(stored.empty());
  }
}

TEST(StoredValueTest, TheLastOfDuplicateKeysWinsAtTheFirstOnesPlace) {
  EXPECT_EQ(round_trip(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  EXPECT_EQ(round_trip(R"({"a":1,"\u0061":{"x":1,"x":[2]},"c":0,"a":{"y":1,"y":2}})"),
            R"({"a":{"y":2},"c":0})");
  EXPECT_EQ(round_trip(R"([{"a":1,"a":2},{"a":1}])"), R"([{"a":2},{"a":1}])");
  std::string many = "{";
  for (int i = 0; i < 3000; ++i)
    many += "\"k" + std::to_string(i % 1000) + "\":" + std::to_string(i) + ",";
  many.back() = '}';
  const std::string kept = round_trip(many);
  EXPECT_EQ(kept.substr(0, 21), R"({"k0":2000,"k1":2001,)");
  EXPECT_EQ(std::count(kept.begin(), kept.end(), ':'), 1000);
}

TEST(StoredValueTest, HoldsTheDeepestNestingAndRefusesOneMore) {
  const std::string deepest = repeat("[", 128) + repeat("]", 128);
  EXPECT_EQ(round_trip(deepest), deepest);
  const std::string objects = repeat(R"({"a":)", 128) + "1" + repeat("}", 128);
  EXPECT_EQ(round_trip(objects), objects);
  std::string stored;
  Encoder encoder;
  EXPECT_FALSE(encoder.encode("[" + deepest + "]", stored));
  EXPECT_STREQ(encoder.error(), "nested too deeply");
}

TEST(StoredValueTest, RefusesWhatIsNotOneJsonValue) {
  std::string stored;
  Encoder encoder;
  for (const char* text : {"", "1 2", "{", "[1,]", "{\"a\"}", "nul", "01", "+1", "{}x"}) {
    EXPECT_FALSE(encoder.encode(text, stored)) << text;
    EXPECT_STRNE(encoder.error(), "");
  }
}

// Disk is input: whatever is cut off, reading stays within the bytes (asan checks it).
TEST(StoredValueTest, ReadsCutBytesWithoutLeavingThem) {
  const std::string whole = encoded(R"({"a":[1,2.5,"text",1e400],"b":{"c":null},"d":-7})");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string cut(whole, 0, size);
    json::StringOut out;
    json::Writer writer(out);
    write_json(writer, read_value(cut));
    Value found;
    find_path(read_value(cut), "b.c", found);
  }
}

TEST(StoredDocumentTest, KeepsTheLsnAndRefusesAnotherFormatVersion) {
  std::string stored;
  for (const std::uint64_t lsn :
       {std::uint64_t{1}, std::uint64_t{77}, std::uint64_t{1'000'000}, ~std::uint64_t{0}}) {
    seal_document(lsn, encoded(R"({"a":1})"), stored);
    EXPECT_EQ(open_document(stored).lsn, lsn);
    EXPECT_EQ(open_document(stored).root.tag, Tag::kObject);
  }
  stored.front() = 3;
  EXPECT_THROW(open_document(stored), std::runtime_error);
  EXPECT_THROW(open_document(""), std::runtime_error);
  EXPECT_THROW(open_document(std::string("\2\5", 2)), std::runtime_error);
}

// Golden: bytes as they lie on users' disks.
TEST(StoredDocumentTest, ReadsBothVersions) {
  const std::string value("\x09\4\0\0\0\1a\3\2", 9);
  const std::string wide = std::string("\1\x4d\1\0\0\0\0\0\0", 9) + value;
  EXPECT_EQ(open_document(wide).lsn, 333u);
  EXPECT_EQ(open_document(wide).root.bytes, value);
  const std::string now = std::string("\2\xcd\2", 3) + value;
  EXPECT_EQ(open_document(now).lsn, 333u);
  EXPECT_EQ(open_document(now).root.bytes, value);
  std::string sealed;
  seal_document(333, value, sealed);
  EXPECT_EQ(sealed, now);
  EXPECT_THROW(open_document(std::string("\1\x4d\1\0\0\0\0\0\0", 9)), std::runtime_error);
}

TEST(PathTest, FindsMembersAndElements) {
  const std::string stored = encoded(R"({"a":{"b":[10,{"c":"x"}]},"0":"zero","a.b":1})");
  const Value root = read_value(stored);
  const auto at = [&](std::string_view path) -> std::string {
    Value value;
    if (!find_path(root, path, value)) return "missing";
    json::StringOut out;
    json::Writer writer(out);
    write_json(writer, value);
    return out.take();
  };
  EXPECT_EQ(at("a.b.0"), "10");
  EXPECT_EQ(at("a.b.1.c"), "\"x\"");
  EXPECT_EQ(at("0"), "\"zero\"");
  EXPECT_EQ(at("a.b"), R"([10,{"c":"x"}])");
  for (const char* path :
       {"a.b.2", "a.b.00", "a.b.-1", "a.b.x", "a.b.0.c", "b", "a.b.99999999999"}) {
    EXPECT_EQ(at(path), "missing") << path;
  }
}

TEST(PathTest, RefusesEmptySegments) {
  for (const char* path : {"", ".", ".a", "a.", "a..b"}) EXPECT_FALSE(is_valid_path(path)) << path;
  EXPECT_TRUE(is_valid_path("a.b.0"));
  EXPECT_TRUE(is_valid_path(std::string(512, 'x')));
  EXPECT_FALSE(is_valid_path(std::string(513, 'x')));
}

TEST(ValueOrderTest, OrdersTypesAndValues) {
  const char* ascending[] = {"null",
                             "false",
                             "true",
                             "-1e400",
                             "-1.7976931348623157e+308",
                             "-9223372036854775809",
                             "-9223372036854775808",
                             "-2",
                             "-1.5",
                             "-1e-400",
                             "0",
                             "1e-400",
                             "5e-324",
                             "0.1",
                             "0.1000000000000000055511151231257827",
                             "1",
                             "9007199254740992",
                             "9007199254740993",
                             "9007199254740993.5",
                             "9007199254740994",
                             "9223372036854775807",
                             "9223372036854775808",
                             "18446744073709551615",
                             "18446744073709551616",
                             "18446744073709551617",
                             "1e+23",
                             "1e400",
                             "2e400",
                             "1e401",
                             "\"\"",
                             "\"\\u0000\"",
                             "\"10\"",
                             "\"9\"",
                             "\"a\"",
                             "\"a\\u0000\"",
                             "\"aa\"",
                             "\"\u00e9\"",
                             "\"\U0001F600\"",
                             "[]",
                             "[null]",
                             "[1]",
                             "[1,0]",
                             "[2]",
                             "[\"\"]",
                             "[[]]",
                             "{}",
                             R"({"a":1})",
                             R"({"a":1,"b":0})",
                             R"({"a":2})",
                             R"({"b":0})"};
  constexpr int kCount = std::size(ascending);
  for (int i = 0; i < kCount; ++i) {
    for (int j = 0; j < kCount; ++j) {
      const int order = compare_texts(ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << ascending[i] << " " << ascending[j];
      EXPECT_EQ(order == 0, i == j) << ascending[i] << " " << ascending[j];
    }
  }
}

TEST(ValueOrderTest, EqualNumbersAreEqualHoweverTheyAreWritten) {
  EXPECT_EQ(compare_texts("-0", "0"), 0);
  EXPECT_EQ(compare_texts("1.50", "15e-1"), 0);
  EXPECT_EQ(compare_texts("9007199254740993.0", "9007199254740993"), 0);
  EXPECT_EQ(compare_texts("100e-2", "1"), 0);
  EXPECT_EQ(compare_texts("10e399", "1e400"), 0);
}

}  // namespace
}  // namespace stator::document
