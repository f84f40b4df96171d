#include "system/row_predicate.h"

#include <gtest/gtest.h>

#include "stator/filter/matches.hpp"
#include "stator/packed/encode.hpp"

namespace stator::system {
namespace {

const std::set<std::string> kRoles = {"clerk", "readonly"};
const AuthValues kAnna = {"anna", 7, kRoles};

// Whether the row is selected; an error of the predicate is its sentence.
std::string judge(std::string_view where, std::string_view row, const AuthValues& who = kAnna) {
  std::string program;
  std::string error;
  if (!compile_row_predicate(where, who, program, error)) {
    EXPECT_TRUE(program.empty());
    return error;
  }
  std::string packed;
  EXPECT_TRUE(packed::Encoder().encode(row, packed));
  return filter::matches(program, packed::read_value(packed)) ? "yes" : "no";
}

TEST(RowPredicateTest, NamesStandForWhoAsks) {
  EXPECT_EQ(judge(R"({"owner":"$auth.username"})", R"({"owner":"anna"})"), "yes");
  EXPECT_EQ(judge(R"({"owner":"$auth.username"})", R"({"owner":"bert"})"), "no");
  EXPECT_EQ(judge(R"({"owner":"$auth.username"})", R"({"owner":"$auth.username"})"), "no");
  EXPECT_EQ(judge(R"({"t":{"eq":"$auth.tenant_id"}})", R"({"t":7})"), "yes");
  EXPECT_EQ(judge(R"({"t":{"eq":"$auth.tenant_id"}})", R"({"t":"7"})"), "no");
  EXPECT_EQ(judge(R"({"team":{"in":"$auth.roles"}})", R"({"team":"clerk"})"), "yes");
  EXPECT_EQ(judge(R"({"team":{"in":"$auth.roles"}})", R"({"team":"boss"})"), "no");
  EXPECT_EQ(judge(R"({"who":{"in":["$auth.username","all"]}})", R"({"who":"all"})"), "yes");
  EXPECT_EQ(judge(R"({"or":[{"members":{"contains":"$auth.username"}},{"open":true}]})",
                  R"({"members":["x","anna"]})"),
            "yes");
  EXPECT_EQ(judge(R"({"not":{"owner":"$auth.username"}})", R"({"owner":"anna"})"), "no");
}

TEST(RowPredicateTest, AValueIsAValueWhateverIsInIt) {
  const AuthValues odd = {"a\"},{\"x\":1", 7, kRoles};
  EXPECT_EQ(judge(R"({"owner":"$auth.username"})", R"({"owner":"a\"},{\"x\":1"})", odd), "yes");
  EXPECT_EQ(judge(R"({"owner":"$auth.username"})", R"({"x":1})", odd), "no");
  const AuthValues named_like_a_name = {"$auth.roles", 7, kRoles};
  EXPECT_EQ(judge(R"({"owner":"$auth.username"})", R"({"owner":"$auth.roles"})", named_like_a_name),
            "yes");
}

TEST(RowPredicateTest, WithoutRolesNoRowIsOfOnesRoles) {
  const std::set<std::string> none;
  EXPECT_EQ(judge(R"({"team":{"in":"$auth.roles"}})", R"({"team":"clerk"})", {"anna", 7, none}),
            "no");
}

TEST(RowPredicateTest, OtherTextsKeepWhatTheyAre) {
  EXPECT_EQ(judge(R"({"a":{"eq":"x\u0041\"y"}})", R"({"a":"xA\"y"})"), "yes");
  EXPECT_EQ(judge(R"({"a":{"eq":"auth.username"}})", R"({"a":"auth.username"})"), "yes");
  EXPECT_EQ(judge(R"({"a":{"eq":1.50}})", R"({"a":1.5})"), "yes");
  EXPECT_EQ(judge("{}", R"({"a":1})"), "yes");
}

TEST(RowPredicateTest, WhatCouldOpenByMistakeIsRefused) {
  const std::string other = "'where' knows $auth.username, $auth.tenant_id and $auth.roles, not ";
  EXPECT_EQ(judge(R"({"a":"$auth.user"})", "{}"), other + "$auth.user");
  EXPECT_EQ(judge(R"({"a":"$auth"})", "{}"), other + "$auth");
  EXPECT_EQ(judge(R"({"a":{"ne":"\u0024auth.usernam"}})", "{}"), other + "$auth.usernam");
  // A path: it is missing in every row, so that its negation would hold for all.
  EXPECT_EQ(judge(R"({"not":{"$auth.username":"a"}})", "{}"),
            "'where' names a path that begins with $auth: $auth.username");
  for (const char* test : {"like", "ilike"}) {
    EXPECT_EQ(judge(std::string(R"({"a":{")") + test + R"(":"$auth.username"}})", "{}"),
              "'where' has a pattern made of a name: use eq, in, prefix or contains");
  }
  EXPECT_EQ(judge(R"({"a":{"gt":"$auth.roles"}})", "{}"),
            "'where.a.gt' expects a number, string or boolean");
  EXPECT_EQ(judge(R"({"a":{"nonsense":1}})", "{}"),
            "'where.a.nonsense' is no test; a field inside is named by a dotted path");
  for (const char* text : {"", "{", "[]x", "{\"a\":1} 2", "{\"a\":\"\\ud8\"}"}) {
    EXPECT_NE(judge(text, "{}"), "yes") << text;
    EXPECT_NE(judge(text, "{}"), "no") << text;
  }
}

}  // namespace
}  // namespace stator::system
