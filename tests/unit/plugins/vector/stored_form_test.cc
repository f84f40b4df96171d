#include "stored_form.h"

#include <gtest/gtest.h>

namespace stator::vector {
namespace {

TEST(StoredFormTest, ARecordReadsBackAsItWasWritten) {
  const float values[] = {1.5f, -2.0f};
  const std::string bytes = encode(PutRecord{{Metric::kIp, 2}, "doc", bytes_of(values)});
  const auto record = decode_put(bytes);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->rule.metric, Metric::kIp);
  EXPECT_EQ(record->rule.dim, 2u);
  EXPECT_EQ(record->document_id, "doc");
  EXPECT_EQ(record->values, bytes_of(values));
}

TEST(StoredFormTest, APayloadFollowsTheNumbersAndIsOneObject) {
  const float values[] = {1.5f, -2.0f};
  const std::string payload("\x09\x02\0\0\0xy", 7);
  const std::string bytes = encode(PutRecord{{Metric::kIp, 2}, "doc", bytes_of(values), payload});
  const auto record = decode_put(bytes);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->values, bytes_of(values));
  EXPECT_EQ(record->payload, payload);
  const std::size_t bare = bytes.size() - payload.size();
  for (std::size_t size = bare + 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_put(bytes.substr(0, size)).has_value()) << size;
  }
  EXPECT_TRUE(decode_put(bytes.substr(0, bare))->payload.empty());
  EXPECT_FALSE(decode_put(bytes + "z").has_value());
}

TEST(StoredFormTest, TheBytesOfARuleStayWhatTheyAre) {
  EXPECT_EQ(encode(Rule{Metric::kCosine, 0x0102}), std::string("\x01\x01\0\0\x02\x01\0\0", 8));
}

TEST(StoredFormTest, RefusesEveryCutAndEveryForeignHeader) {
  const float values[] = {1.5f, -2.0f};
  const std::string bytes = encode(PutRecord{{Metric::kL2, 2}, "doc", bytes_of(values)});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_put(bytes.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(decode_put(bytes + "x").has_value());
  for (const std::size_t at : {0u, 1u, 2u, 7u, 8u, 11u}) {
    std::string damaged = bytes;
    damaged[at] = '\x7f';
    EXPECT_FALSE(decode_put(damaged).has_value()) << at;
  }
  EXPECT_FALSE(decode_rule("").has_value());
  EXPECT_FALSE(decode_rule(std::string(8, '\0')).has_value());
}

}  // namespace
}  // namespace stator::vector
