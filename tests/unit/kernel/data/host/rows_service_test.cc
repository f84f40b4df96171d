// What the host says of rows: nothing is shown that the rules of the request do not let through.
#include <gtest/gtest.h>

#include "stator/filter/compile.hpp"
#include "stator/packed/encode.hpp"

#include "data/host/call_context.h"

namespace stator::host {
namespace {

std::string program(std::string_view filter) {
  std::string out;
  EXPECT_TRUE(filter::Compiler().compile(filter, out));
  return out;
}

class RowsServiceTest : public testing::Test {
 protected:
  RowsServiceTest() {
    EXPECT_TRUE(packed::Encoder().encode(R"({"a":1})", row_));
    call_.task = &task_;
  }
  void bind(std::string visible, std::string writable) {
    task_.rows = std::make_unique<const RowRules>(
        RowRules{std::move(visible), std::move(writable), "'own', 'open'"});
  }
  stator_bytes row() const {
    return {reinterpret_cast<const std::uint8_t*>(row_.data()), row_.size()};
  }
  bool sees() { return rows_service().is_visible(&call_, row()) == 1; }
  bool writes() { return rows_service().may_write(&call_, row()) == 1; }

  std::string row_;
  bridge::Task task_;
  stator_call call_;
};

TEST_F(RowsServiceTest, WithoutRulesEveryRowIsOpen) {
  EXPECT_EQ(rows_service().is_bound(&call_), 0);
  EXPECT_TRUE(sees());
  EXPECT_TRUE(writes());
}

TEST_F(RowsServiceTest, ReadsAndWritesHaveTheirOwnRules) {
  bind(program(R"({"a":1})"), program(R"({"a":2})"));
  EXPECT_EQ(rows_service().is_bound(&call_), 1);
  EXPECT_TRUE(sees());
  EXPECT_FALSE(writes());
  bind(program(R"({"a":2})"), program(R"({"a":1})"));
  EXPECT_FALSE(sees());
  EXPECT_TRUE(writes());
}

// To a filter all of these select everything.
TEST_F(RowsServiceTest, RulesThatAreNoProgramLetNothingThrough) {
  const std::string good = program("{}");
  for (const std::string& bad : {std::string(), std::string(1, filter::kProgramVersion),
                                 "\x07" + good.substr(1), good.substr(0, 3)}) {
    bind(bad, bad);
    EXPECT_FALSE(sees());
    EXPECT_FALSE(writes());
  }
  bind(good, good);
  EXPECT_TRUE(sees());
  EXPECT_EQ(rows_service().is_visible(&call_, {nullptr, 0}), 0);
}

TEST_F(RowsServiceTest, ARefusalNamesThePolicies) {
  bind(program("{}"), program("{}"));
  EXPECT_EQ(rows_service().refuse(&call_), STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(
      call_.error_sentence,
      "the row policies do not let you write this, before or after the change: 'own', 'open'");
  task_.rows = std::make_unique<const RowRules>();
  rows_service().refuse(&call_);
  EXPECT_EQ(call_.error_sentence, "no row policy lets you write here");
}

TEST_F(RowsServiceTest, ManyNamesAreCutBetweenTwo) {
  std::string names = "'p'";
  for (int i = 0; i < 15; ++i) names += ", '" + std::string(20, static_cast<char>('a' + i)) + "'";
  task_.rows = std::make_unique<const RowRules>(RowRules{{}, {}, names});
  rows_service().refuse(&call_);
  EXPECT_TRUE(call_.error_sentence.ends_with("dddd', ...")) << call_.error_sentence;
}

TEST_F(RowsServiceTest, ATaskThatRestsHasNoRules) {
  bind(program("{}"), program("{}"));
  task_.reset();
  EXPECT_EQ(task_.rows, nullptr);
}

}  // namespace
}  // namespace stator::host
