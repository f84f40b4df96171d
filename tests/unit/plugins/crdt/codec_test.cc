// Untrusted bytes: every fault is found, none costs more memory than the bytes themselves.
#include <gtest/gtest.h>

#include "codec/delete_set.h"
#include "codec/json_text.h"
#include "codec/update.h"
#include "codec/update_merge.h"
#include "codec/utf16.h"
#include "doc/document.h"
#include "doc/json_view.h"
#include "golden_file.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

DecodeFault fault_of(std::string_view bytes) {
  Update update;
  return decode_update(bytes, update).fault;
}

constexpr std::uint8_t kAny = 8;
constexpr std::uint8_t kString = 4;

std::string any_update(std::string_view value) {
  return UpdateBuilder().section(1, 1, 0).in_root(kAny, "a").uint(1).raw(value).take();
}

std::vector<std::string> golden_updates() {
  std::vector<std::string> out;
  for (const char* name : {"ascii.jsonl", "unicode.jsonl"}) {
    for (const auto& golden : golden::read_cases(golden::source_folder() / "golden" / name)) {
      out.push_back(golden.v1);
      out.insert(out.end(), golden.updates.begin(), golden.updates.end());
    }
  }
  return out;
}

TEST(UpdateDecodeTest, RefusesEveryTruncation) {
  for (const std::string& update : golden_updates()) {
    ASSERT_EQ(fault_of(update), DecodeFault::kNone);
    for (std::size_t size = 0; size < update.size(); ++size) {
      // A copy of its own, so that a sanitizer sees a read behind it.
      const std::string cut(update.data(), size);
      ASSERT_NE(fault_of(cut), DecodeFault::kNone) << size;
    }
    ASSERT_EQ(fault_of(update + '\0'), DecodeFault::kMalformed);
  }
}

TEST(UpdateDecodeTest, SurvivesEveryFlippedBit) {
  std::size_t accepted = 0;
  for (const std::string& whole : golden_updates()) {
    if (whole.size() > 300) continue;
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      Update update;
      if (decode_update(flipped, update).fault != DecodeFault::kNone) continue;
      ++accepted;
      Update honest;
      ASSERT_EQ(decode_update(whole, honest).fault, DecodeFault::kNone);
      Document document;
      document.apply(update);
      document.apply(honest);
      document.apply(update);
      json::StringOut text;
      json::Writer out(text);
      JsonView(document.store(), {}).write(out);
      const std::string state = document.encode_state();
      ASSERT_EQ(fault_of(state), DecodeFault::kNone);
    }
  }
  EXPECT_GT(accepted, 1000u);  // such an update says something else, and is one
}

TEST(UpdateDecodeTest, CountsRunsOfGcAndSkipAsOneStruct) {
  UpdateBuilder builder;
  builder.section(200'000, 1, 0);
  for (int i = 0; i < 100'000; ++i) builder.u8(0).uint(1);
  for (int i = 0; i < 100'000; ++i) builder.u8(10).uint(30'000);
  const std::string bytes = builder.take();
  Update update;
  ASSERT_EQ(decode_update(bytes, update).fault, DecodeFault::kNone);
  EXPECT_EQ(update.refs.size(), 2u);
  EXPECT_EQ(update.refs[0].length, 100'000u);
}

TEST(UpdateDecodeTest, TakesLongRunsAsOneStruct) {
  const std::string update = UpdateBuilder()
                                 .section(2, 1, 0)
                                 .in_root(1, "a")
                                 .uint(4'000'000'000)
                                 .u8(0)
                                 .uint(200'000'000)
                                 .take();
  Update decoded;
  ASSERT_EQ(decode_update(update, decoded).fault, DecodeFault::kNone);
  Document document;
  document.apply(decoded);
  EXPECT_EQ(document.store().struct_count(), 2u);
  EXPECT_EQ(document.encode_state().size(), update.size() + 8);  // and its delete set
}

TEST(UpdateDecodeTest, DoesNotBelieveCounts) {
  const std::uint64_t many = kSafeIntegerMax;
  ByteWriter clients;
  clients.var_uint(many);
  EXPECT_EQ(fault_of(clients.take()), DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(UpdateBuilder().section(many, 1, 0).u8(0).uint(1).take()),
            DecodeFault::kMalformed);
  ByteWriter array;
  array.u8(117);
  array.var_uint(many);
  EXPECT_EQ(fault_of(any_update(array.take())), DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).in_root(kAny, "a").uint(9).u8(120).take()),
            DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, RefusesNumbersBeyond53Bits) {
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, kSafeIntegerMax, 0).u8(0).uint(1).take()),
            DecodeFault::kNone);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, kSafeIntegerMax + 1, 0).u8(0).uint(1).take()),
            DecodeFault::kMalformed);
  EXPECT_EQ(fault_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(any_update("\x7d\xff\xff\xff\xff\xff\xff\xff\xff\x7f")),
            DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, RefusesClocksBeyondTheBudget) {
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).u8(0).uint(kClockMax + 1).take()),
            DecodeFault::kOverBudget);
  EXPECT_EQ(fault_of(UpdateBuilder().section(2, 1, 0).u8(10).uint(kClockMax).u8(0).uint(1).take()),
            DecodeFault::kOverBudget);
  EXPECT_EQ(fault_of(UpdateBuilder().deletes(1, kClockMax, 1).take()), DecodeFault::kOverBudget);
  EXPECT_EQ(fault_of(UpdateBuilder().deletes(1, 5, kSafeIntegerMax).take()),
            DecodeFault::kOverBudget);
}

TEST(UpdateDecodeTest, RefusesMoreStructsThanTheBudget) {
  UpdateBuilder builder;
  builder.section(kUpdateStructsMax + 1, 1, 0);
  for (std::size_t i = 0; i <= kUpdateStructsMax; ++i) builder.in_root(kString, "").text("x");
  EXPECT_EQ(fault_of(builder.take()), DecodeFault::kOverBudget);
}

TEST(UpdateDecodeTest, RefusesEmptyStructs) {
  EXPECT_EQ(fault_of(text_update(1, "t", "")), DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).u8(0).uint(0).take()),
            DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).in_root(kAny, "a").uint(0).take()),
            DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, RefusesStructsThatReferToTheFuture) {
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 3).behind(kString, 1, 3).text("x").take()),
            DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 3).in_item(kString, 1, 9).text("x").take()),
            DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, RefusesTwoSectionsOfOneClient) {
  EXPECT_EQ(
      fault_of(
          UpdateBuilder().section(1, 1, 0).u8(0).uint(1).section(1, 1, 1).u8(0).uint(1).take()),
      DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, RefusesUnknownContent) {
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).in_root(11, "a").take()),
            DecodeFault::kUnsupported);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).in_root(12, "a").take()),
            DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).in_root(7, "a").uint(7).take()),
            DecodeFault::kUnsupported);
  EXPECT_EQ(fault_of(any_update("\x73")), DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, RefusesStringsThatAreNotUtf8) {
  for (const char* text :
       {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "abcdefgh\xe2\x82"}) {
    EXPECT_EQ(fault_of(text_update(1, "t", text)), DecodeFault::kMalformed);
    EXPECT_EQ(fault_of(text_update(1, text, "t")), DecodeFault::kMalformed);
  }
}

TEST(UpdateDecodeTest, RefusesDeeplyNestedValues) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "\x75\x01";
  EXPECT_EQ(fault_of(any_update(deep + "\x78")), DecodeFault::kMalformed);
  const std::string json = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(fault_of(UpdateBuilder().section(1, 1, 0).in_root(5, "t").text(json).take()),
            DecodeFault::kMalformed);
}

TEST(UpdateDecodeTest, ChecksEmbeddedJson) {
  const auto embed = [](std::string_view json) {
    return UpdateBuilder().section(1, 1, 0).in_root(5, "t").text(json).take();
  };
  EXPECT_EQ(fault_of(embed(R"({"a":"\ud83d"})")), DecodeFault::kNone);  // as JavaScript writes it
  EXPECT_EQ(fault_of(embed("")), DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(embed("{} ")), DecodeFault::kNone);
  EXPECT_EQ(fault_of(embed("{}{}")), DecodeFault::kMalformed);
  EXPECT_EQ(fault_of(embed("undefined")), DecodeFault::kMalformed);
}

TEST(JsonTextTest, RepairsLoneSurrogates) {
  EXPECT_EQ(repaired_json(R"("\ud83d")"), R"("\ufffd")");
  EXPECT_EQ(repaired_json(R"("\ude00x")"), R"("\ufffdx")");
  EXPECT_EQ(repaired_json(R"("\ud83d\ude00\\ud83d")"), R"("\ud83d\ude00\\ud83d")");
  EXPECT_EQ(repaired_json(R"("\ud83d\n")"), R"("\ufffd\n")");
}

TEST(Utf16Test, CutsAtCodeUnits) {
  const std::string text = "aé😀漢b";  // 1 + 1 + 2 + 1 + 1 units
  std::uint64_t units = 0;
  ASSERT_TRUE(measure_utf16(text, units));
  EXPECT_EQ(units, 6u);
  const std::uint32_t bytes[] = {0, 1, 3, 3, 7, 10, 11};
  for (std::uint32_t unit = 0; unit <= 6; ++unit) {
    const Utf16Cut cut = cut_utf16(text, 6, unit);
    EXPECT_EQ(cut.bytes, bytes[unit]) << unit;
    EXPECT_EQ(cut.in_pair, unit == 3) << unit;
  }
}

TEST(Utf16Test, OrdersAsJavaScriptSorts) {
  EXPECT_TRUE(less_utf16("\U0001F600", "\uFFFD"));
  EXPECT_FALSE(less_utf16("\uFFFD", "\U0001F600"));
  EXPECT_TRUE(less_utf16("a", "ab"));
  EXPECT_TRUE(less_utf16("\uD7FF", "\U0001F600"));
  EXPECT_FALSE(less_utf16("a", "a"));
}

TEST(StateVectorTest, RefusesMalformedBytes) {
  StateVector out;
  EXPECT_EQ(decode_state_vector(std::string("\0", 1), out), nullptr);
  EXPECT_NE(decode_state_vector("", out), nullptr);
  EXPECT_NE(decode_state_vector("\x02\x01\x01", out), nullptr);
  EXPECT_NE(decode_state_vector(std::string("\0\0", 2), out), nullptr);
}

TEST(MergeUpdatesTest, FillsHolesWithSkip) {
  const std::string first = text_update(1, "t", "ab");
  const std::string third = UpdateBuilder().section(1, 1, 5).behind(kString, 1, 4).text("f").take();
  std::vector<Update> updates(2);
  decode_update(third, updates[0]);
  decode_update(first, updates[1]);
  EXPECT_EQ(merge_updates(updates), UpdateBuilder()
                                        .section(3, 1, 0)
                                        .in_root(kString, "t")
                                        .text("ab")
                                        .u8(10)
                                        .uint(3)
                                        .behind(kString, 1, 4)
                                        .text("f")
                                        .take());
}

TEST(DeleteSetTest, JoinsRangesThatTouch) {
  std::vector<ClockRange> ranges{{5, 2}, {0, 3}, {3, 1}, {6, 4}, {1, 1}};
  normalize(ranges);
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].end(), 4u);
  EXPECT_EQ(ranges[1].clock, 5u);
  EXPECT_EQ(ranges[1].end(), 10u);
}

}  // namespace
}  // namespace stator::crdt
