// Loops whose input a client controls: each costs about what the update weighs. Steps, not time.
#include <gtest/gtest.h>

#include "codec/id_hash.h"
#include "doc/document.h"
#include "doc/json_view.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

constexpr std::uint8_t kString = 4;
constexpr std::uint8_t kFormat = 6;
constexpr std::uint8_t kType = 7;
constexpr std::uint8_t kAny = 8;

void put(const std::string& bytes, Document& document) {
  Update update;
  const DecodeResult result = decode_update(bytes, update);
  ASSERT_EQ(result.fault, DecodeFault::kNone) << result.why;
  document.apply(update);
}

// Deletes every other element of client 1, from the back to the front, one update each.
void delete_backwards(std::uint64_t length, std::uint64_t step, Document& document) {
  for (std::uint64_t i = length; i > step; i -= step) {
    put(UpdateBuilder().deletes(1, i - step, 1).take(), document);
  }
}

TEST(WorkTest, CutsARunOfManyValuesInFewSteps) {
  constexpr std::uint64_t kValues = 100'000;
  UpdateBuilder update;
  update.section(1, 1, 0).in_root(kAny, "a").uint(kValues);
  for (std::uint64_t i = 0; i < kValues; ++i) update.u8(i % 2 == 0 ? 120 : 121);
  Document document;
  put(update.take(), document);
  delete_backwards(kValues, 20, document);
  EXPECT_LT(document.store().cut_steps(), kValues * 50);  // the square would be 500 million
  Document loaded;
  put(document.encode_state(), loaded);
  EXPECT_EQ(loaded.encode_state(), document.encode_state());
}

TEST(WorkTest, FindsTheSameValuesWithMarksAsWithout) {
  constexpr std::uint64_t kValues = 1000;
  UpdateBuilder update;
  update.section(1, 1, 0).in_root(kAny, "a").uint(kValues);
  for (std::uint64_t i = 0; i < kValues; ++i) {
    update.u8(119).text(std::to_string(i));
  }
  Document document;
  put(update.take(), document);
  std::string expected;
  for (std::uint64_t i = 0; i < kValues; ++i) {
    if (i % 7 != 3) expected += (expected.empty() ? "\"" : ",\"") + std::to_string(i) + "\"";
  }
  // In an order that cuts long and short pieces at both ends.
  for (std::uint64_t k = 0; k < kValues; ++k) {
    const std::uint64_t i = (k * 613) % kValues;
    if (i % 7 == 3) put(UpdateBuilder().deletes(1, i, 1).take(), document);
  }
  json::StringOut text;
  json::Writer out(text);
  ASSERT_EQ(JsonView(document.store(), {}).write(out), ViewResult::kDone);
  EXPECT_EQ(text.take(), R"({"a":[)" + expected + "]}");
}

TEST(WorkTest, CutsManySurrogatePairsInFewSteps) {
  constexpr std::uint64_t kPairs = 20'000;
  std::string pairs;
  for (std::uint64_t i = 0; i < kPairs; ++i) pairs += "😀";
  for (const bool backwards : {false, true}) {
    Document document;
    put(text_update(1, "t", pairs), document);
    for (std::uint64_t k = 0; k < kPairs / 8; ++k) {
      const std::uint64_t i = backwards ? kPairs / 8 - 1 - k : k;
      put(UpdateBuilder().deletes(1, i * 16 + 1, 1).take(), document);
    }
    EXPECT_LT(document.store().cut_steps(), pairs.size() * 20);
    json::StringOut text;
    json::Writer out(text);
    ASSERT_EQ(JsonView(document.store(), {}).write(out), ViewResult::kDone);
    std::string expected;
    for (std::uint64_t i = 0; i < kPairs; ++i) expected += i % 8 == 0 ? "\uFFFD" : "😀";
    EXPECT_EQ(text.take(), "{\"t\":\"" + expected + "\"}");
  }
}

// Ids that would all meet in one bucket of a table with that many buckets.
TEST(WorkTest, SpreadsIdsThatAreMadeToCollide) {
  std::unordered_map<std::uint64_t, int, IdHash> map;
  map.reserve(10'000);
  const std::uint64_t buckets = map.bucket_count();
  for (std::uint64_t i = 1; i <= 10'000; ++i) map[i * buckets] = 1;
  ASSERT_EQ(map.bucket_count(), buckets);
  std::size_t longest = 0;
  for (std::size_t b = 0; b < map.bucket_count(); ++b) {
    longest = std::max(longest, map.bucket_size(b));
  }
  EXPECT_LT(longest, 50u);
}

TEST(WorkTest, StopsXmlWhoseMarksOutgrowTheDocument) {
  constexpr std::uint64_t kMarks = 6000;
  UpdateBuilder update;
  update.section(1 + kMarks * 2, 1, 0).in_root(kType, "x").uint(6);
  for (std::uint64_t i = 0; i < kMarks; ++i) {
    if (i == 0) {
      update.in_item(kFormat, 1, 0);
    } else {
      update.behind(kFormat, 1, i * 2);
    }
    update.text("mark" + std::to_string(i)).text("1");
    update.behind(kString, 1, i * 2 + 1).text("y");
  }
  const std::string bytes = update.take();
  ASSERT_LT(bytes.size(), 300'000u);
  Document document;
  put(bytes, document);
  json::StringOut text;
  json::Writer out(text);
  EXPECT_EQ(JsonView(document.store(), {}).write(out), ViewResult::kTooLong);
}

TEST(WorkTest, CountsTheNamesThatAStateSpellsOut) {
  Document document;
  const std::string name(1000, 'n');
  for (std::uint64_t i = 1; i <= 50; ++i) put(text_update(i, name, "x"), document);
  EXPECT_GE(document.store().content_bytes(), 50'000u);
  Document loaded;
  put(document.encode_state(), loaded);
  EXPECT_EQ(loaded.store().content_bytes(), document.store().content_bytes());
}

TEST(WorkTest, CountsWhatWaits) {
  Document document;
  put(UpdateBuilder().deletes(7, 5, 1).take(), document);
  put(UpdateBuilder().section(1, 2, 0).behind(kString, 7, 0).text("x").take(), document);
  EXPECT_EQ(document.pending_parts(), 2u);
  put(text_update(9, "t", "z"), document);
  EXPECT_EQ(document.pending_parts(), 2u);
  put(text_update(7, "t", "abcdefg"), document);
  EXPECT_EQ(document.pending_parts(), 0u);
  EXPECT_FALSE(document.has_pending());
}

}  // namespace
}  // namespace stator::crdt
