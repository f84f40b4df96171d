// Cursors that a client has made up: the values in them are not trusted.
#include <random>

#include <gtest/gtest.h>

#include "unit/plugins/document/document_fixture.h"

namespace stator::document {
namespace {

using testkit::Answer;

// A question that answers in pages, and how a value stands in its cursor.
struct Question {
  const char* op;
  const char* args;
  const char* exists;  // hexadecimal, before the value
};
constexpr Question kQuestions[] = {
    {"document_scan", R"("sort":[{"v":"desc"}],"limit":2)", "01"},
    {"document_aggregate", R"("aggs":{"n":{"count":"*"}},"group_by":["v"],"limit":2)", "01"},
    {"range_scan", R"("field":"v","limit":2)", ""},
};

class CursorTest : public testing::TestWithParam<Question> {
 protected:
  CursorTest() {
    const char* const values[] = {
        "1",     "2.5",       "18446744073709551615", "0.30000000000000004001",
        "\"a\"", "[1,[2.5]]", "{\"x\":-1}",           "1e300"};
    for (std::size_t i = 0; i < std::size(values); ++i)
      documents_.put("d" + std::to_string(i), "{\"v\":" + std::string(values[i]) + "}");
    // Version and fingerprint; behind it stand the size of the tie, the tie and the values.
    head_ = ask("").more.substr(0, 18);
  }
  Answer ask(const std::string& cursor) {
    const std::string more = cursor.empty() ? "" : ",\"cursor\":\"" + cursor + "\"";
    return documents_.kernel.call(GetParam().op, "{" + std::string(GetParam().args) + more + "}");
  }
  Answer behind(const std::string& value) {
    return ask(head_ + "0000" + GetParam().exists + value);
  }
  Documents documents_;
  std::string head_;
};

TEST_P(CursorTest, ValuesThatNoDocumentHasAreRefused) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "08ffffff00";
  for (const std::string& value :
       {std::string("0600"),                // a decimal without digits
        std::string("06012d"),              // "-"
        std::string("06023165"),            // "1e"
        std::string("0603312d31"),          // "1-1"
        std::string("05000000000000f87f"),  // not a number
        std::string("05000000000000f07f"),  // infinite
        std::string("0500"),                // cut
        std::string("ff"), std::string("0a"), std::string("08020000000600"),
        std::string("090400000001610600"), deep, std::string("0302ff")}) {
    const Answer answer = behind(value);
    EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST) << value;
    EXPECT_EQ(answer.field, "cursor") << value;
  }
  EXPECT_EQ(behind("0302").status, STATOR_OK) << "a one is a value";
}

TEST_P(CursorTest, WhateverStandsInOneItIsAnswered) {
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    std::string value;
    constexpr char kDigits[] = "0123456789abcdef";
    const std::size_t bytes = 1 + random() % 12;
    for (std::size_t k = 0; k < bytes; ++k) {
      value += k == 0 ? '0' : kDigits[random() % 16];
      value += kDigits[random() % 10];
    }
    const stator_status status = behind(value).status;
    EXPECT_TRUE(status == STATOR_OK || status == STATOR_E_BAD_REQUEST) << value;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, CursorTest, testing::ValuesIn(kQuestions),
                         [](const auto& of) { return std::string(of.param.op); });

}  // namespace
}  // namespace stator::document
