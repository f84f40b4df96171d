// aggregate/value_hash.h: equal values have one hash.
#include "aggregate/value_hash.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "packed_json.h"

namespace stator::document {
namespace {

std::string packed_of(const std::string& json) {
  Encoder encoder;
  std::string out;
  EXPECT_TRUE(encoder.encode(json, out)) << json;
  return out;
}

TEST(ValueHashTest, EqualValuesHaveOneHashAndOthersTheirs) {
  const std::vector<std::vector<std::string>> classes = {
      {"null"},
      {"false"},
      {"true"},
      {"0", "-0", "0.0", "0e7"},
      {"1", "1.0", "10e-1", "0.1e1"},
      {"-1", "-1.00"},
      {"0.1", "1e-1", "0.10"},
      {"9007199254740993", "9007199254740993.0", "9007199254740.993e3"},
      {"9007199254740992"},
      {"18446744073709551615", "184467440737095516150e-1"},
      {"123456789012345678901234567890", "12345678901234567890123456789e1"},
      {"123456789012345678901234567891"},
      {"\"\"", "\"\""},
      {"\"1\""},
      {"\"a\"", "\"\\u0061\""},
      {"[]"},
      {"[[]]"},
      {"[1,2]", "[1.0,2e0]"},
      {"[2,1]"},
      {"{}"},
      {R"({"a":1,"b":{"c":2,"d":[]}})", R"({"b":{"d":[],"c":2.0},"a":1})"},
      {R"({"a":2,"b":1})"},
      {R"({"b":2,"a":1})"},
  };
  std::set<std::uint64_t> hashes;
  for (const auto& forms : classes) {
    const std::string first = packed_of(forms[0]);
    hashes.insert(hash_of(read_value(first)));
    for (const std::string& form : forms) {
      const std::string other = packed_of(form);
      EXPECT_EQ(compare_values(read_value(first), read_value(other)), 0) << form;
      EXPECT_EQ(hash_of(read_value(first)), hash_of(read_value(other))) << form;
    }
  }
  EXPECT_EQ(hashes.size(), classes.size());
}

// Hashes stand in cursors, which live longer than a build.
TEST(ValueHashTest, StaysAsItIs) {
  EXPECT_EQ(hash_of(read_value(packed_of("\"a\""))), 591747295564724201u);
  EXPECT_EQ(hash_of(read_value(packed_of("12.5"))), 16123543920246442927u);
}

}  // namespace
}  // namespace stator::document
