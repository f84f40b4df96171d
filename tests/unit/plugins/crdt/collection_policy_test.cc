#include "policy/collection_policy.h"

#include <gtest/gtest.h>

namespace stator::crdt {
namespace {

std::string policy_with(std::string_view unique) {
  return R"({"unique":)" + std::string(unique) +
         R"(,"foreign_key":"RenameSuffix","not_null":"LastWriterWins","check":"EscalateToDlq",)"
         R"("strict_consistency":false})";
}

std::string refusal(std::string_view json) {
  CollectionPolicy policy;
  std::string why;
  return parse_policy(json, policy, why) ? "accepted" : why;
}

TEST(CollectionPolicyTest, WritesWhatItReadInOneCanonicalForm) {
  CollectionPolicy policy;
  std::string why;
  ASSERT_TRUE(parse_policy(R"( {"strict_consistency" : true, "check":"EscalateToDlq",
      "not_null":{"Custom":{"timeout_secs":18446744073709551615,"webhook_url":"http://a"}},
      "foreign_key":{"CascadeDefer":{"ttl_secs":1,"max_retries":4294967295}},
      "unique":"\u004castWriterWins"})",
                           policy, why))
      << why;
  EXPECT_EQ(policy_json(policy),
            R"({"unique":"LastWriterWins","foreign_key":{"CascadeDefer":{"max_retries":4294967295,)"
            R"("ttl_secs":1}},"not_null":{"Custom":{"webhook_url":"http://a",)"
            R"("timeout_secs":18446744073709551615}},"check":"EscalateToDlq",)"
            R"("strict_consistency":true})");
  EXPECT_TRUE(parse_policy(policy_json(policy), policy, why));
}

TEST(CollectionPolicyTest, RequiresAllFiveKeys) {
  EXPECT_EQ(refusal("{}"), "unique is missing");
  EXPECT_EQ(refusal(R"({"unique":"RenameSuffix","foreign_key":"RenameSuffix",)"
                    R"("not_null":"RenameSuffix","check":"RenameSuffix"})"),
            "strict_consistency is missing");
}

TEST(CollectionPolicyTest, RefusesUnknownAndRepeatedKeysByName) {
  EXPECT_EQ(refusal(R"({"uniqe":"RenameSuffix"})"), "uniqe is not a key of a policy");
  EXPECT_EQ(refusal(R"({"unique":"RenameSuffix","unique":"RenameSuffix"})"),
            "unique is given twice");
  EXPECT_EQ(refusal(policy_with(R"({"CascadeDefer":{"max_retries":1,"ttl_secs":1,"x":1}})")),
            "unique.CascadeDefer.x is not a parameter");
}

TEST(CollectionPolicyTest, RefusesWrongResolutions) {
  EXPECT_EQ(refusal(policy_with(R"("Newest")")), "unique: Newest is not a resolution");
  EXPECT_EQ(refusal(policy_with("7")), "unique must be a name or an object");
  EXPECT_EQ(refusal(policy_with("{}")), "unique must name one resolution");
  EXPECT_EQ(refusal(policy_with(R"("CascadeDefer")")), "unique.CascadeDefer needs its parameters");
  EXPECT_EQ(refusal(policy_with(R"({"RenameSuffix":{}})")),
            "unique.RenameSuffix takes no parameters");
  EXPECT_EQ(refusal(policy_with(R"({"CascadeDefer":{"max_retries":1,"ttl_secs":1},"Custom":{}})")),
            "unique must name one resolution");
}

TEST(CollectionPolicyTest, RefusesNumbersThatAreNotAboveZero) {
  for (const char* number : {"0", "-1", "1.5", "1e3", "4294967296", "\"3\"", "null"}) {
    EXPECT_EQ(refusal(policy_with(R"({"CascadeDefer":{"max_retries":)" + std::string(number) +
                                  R"(,"ttl_secs":1}})")),
              "unique.CascadeDefer.max_retries must be an integer above 0")
        << number;
  }
  EXPECT_EQ(refusal(policy_with(R"({"CascadeDefer":{"max_retries":1}})")),
            "unique.CascadeDefer.ttl_secs is missing");
}

TEST(CollectionPolicyTest, RefusesWebhooksThatAreNoHttpUrl) {
  for (const char* url :
       {"ftp://a", "http://", "https:///x", "http:a", "", "http://a b", "HTTP//a"}) {
    EXPECT_EQ(refusal(policy_with(R"({"Custom":{"timeout_secs":1,"webhook_url":")" +
                                  std::string(url) + "\"}}")),
              "unique.Custom.webhook_url must be an http or https URL")
        << url;
  }
}

TEST(CollectionPolicyTest, RefusesAStrictConsistencyThatIsNoBool) {
  EXPECT_EQ(refusal(R"({"strict_consistency":"yes"})"), "strict_consistency must be true or false");
}

}  // namespace
}  // namespace stator::crdt
