// The document model where golden files do not reach: hostile shapes, waiting, splits.
#include "doc/document.h"

#include <gtest/gtest.h>

#include "doc/json_view.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

constexpr std::uint8_t kString = 4;
constexpr std::uint8_t kType = 7;
constexpr std::uint8_t kAny = 8;
constexpr std::uint8_t kTrue = 120;
constexpr std::uint8_t kUndefined = 127;

void put(const std::string& bytes, Document& document) {
  Update update;
  const DecodeResult result = decode_update(bytes, update);
  ASSERT_EQ(result.fault, DecodeFault::kNone) << result.why;
  document.apply(update);
}

std::string json_of(const Document& document) {
  json::StringOut text;
  json::Writer out(text);
  EXPECT_EQ(JsonView(document.store(), {}).write(out), ViewResult::kDone);
  return text.take();
}

TEST(DocumentTest, ReplacesBothHalvesOfASplitSurrogatePair) {
  Document document;
  put(text_update(1, "t", "a😀b"), document);
  put(UpdateBuilder().section(1, 2, 0).between(kString, 1, 1).text("x").take(), document);
  EXPECT_EQ(json_of(document), "{\"t\":\"a\uFFFDx\uFFFDb\"}");
}

TEST(DocumentTest, SplitsAPairWhenItEncodesADifference) {
  Document document;
  put(text_update(1, "t", "a😀b"), document);
  EXPECT_EQ(document.encode_state({{1, 2}}),
            UpdateBuilder().section(1, 1, 2).behind(kString, 1, 1).text("\uFFFDb").take());
}

TEST(DocumentTest, TakesTheNewPartOfAnOverlappingUpdate) {
  Document document;
  put(text_update(1, "t", "ab"), document);
  put(text_update(1, "t", "abcd"), document);
  EXPECT_EQ(json_of(document), R"({"t":"abcd"})");
  EXPECT_EQ(document.store().struct_count(), 1u);
}

TEST(DocumentTest, KeepsDeletesUntilTheirTargetComes) {
  Document document;
  put(UpdateBuilder().deletes(1, 1, 2).take(), document);
  EXPECT_TRUE(document.has_pending());
  Document loaded;
  put(document.encode_state(), loaded);
  for (Document* each : {&document, &loaded}) {
    put(text_update(1, "t", "abcd"), *each);
    EXPECT_EQ(json_of(*each), R"({"t":"ad"})");
    EXPECT_FALSE(each->has_pending());
  }
}

TEST(DocumentTest, WaitsForAHoleInAClientsOwnClock) {
  Document document;
  put(UpdateBuilder().section(1, 1, 2).behind(kString, 1, 1).text("c").take(), document);
  EXPECT_TRUE(document.has_pending());
  EXPECT_EQ(document.encode_state_vector(), std::string("\0", 1));
  put(text_update(1, "t", "ab"), document);
  EXPECT_FALSE(document.has_pending());
  EXPECT_EQ(json_of(document), R"({"t":"abc"})");
}

TEST(DocumentTest, SaysWhetherAnUpdateWouldWait) {
  Document document;
  put(text_update(1, "t", "ab"), document);
  const auto waits = [&](const std::string& bytes) {
    Update update;
    decode_update(bytes, update);
    return document.would_wait(update);
  };
  EXPECT_FALSE(waits(UpdateBuilder().section(1, 2, 0).behind(kString, 1, 1).text("x").take()));
  EXPECT_TRUE(waits(UpdateBuilder().section(1, 2, 0).behind(kString, 1, 2).text("x").take()));
  EXPECT_TRUE(waits(UpdateBuilder().section(1, 2, 1).behind(kString, 1, 1).text("x").take()));
  EXPECT_TRUE(waits(UpdateBuilder().deletes(1, 1, 2).take()));
  EXPECT_FALSE(waits(UpdateBuilder().deletes(1, 1, 1).take()));
  EXPECT_FALSE(waits(UpdateBuilder()
                         .section(1, 3, 0)
                         .behind(kString, 2, 0)
                         .text("y")
                         .section(1, 2, 0)
                         .behind(kString, 1, 1)
                         .text("x")
                         .take()));
  const auto inserts_and_deletes = [](std::uint32_t deleted) {
    return UpdateBuilder()
        .section(1, 2, 0)
        .behind(kString, 1, 1)
        .text("xy")
        .deletes(2, 0, deleted)
        .take();
  };
  EXPECT_FALSE(waits(inserts_and_deletes(2)));
  EXPECT_TRUE(waits(inserts_and_deletes(3)));
}

TEST(DocumentTest, LetsStructsThatWaitForEachOtherWait) {
  Document document;
  put(UpdateBuilder()
          .section(1, 2, 0)
          .behind(kString, 1, 0)
          .text("x")
          .section(1, 1, 0)
          .behind(kString, 2, 0)
          .text("y")
          .take(),
      document);
  EXPECT_TRUE(document.has_pending());
  put(text_update(3, "t", "z"), document);
  EXPECT_EQ(json_of(document), R"({"t":"z"})");
}

TEST(DocumentTest, SurvivesTypesNestedWithoutEnd) {
  constexpr std::uint64_t kDepth = 200'000;
  UpdateBuilder builder;
  builder.section(kDepth, 1, 0).in_root(kType, "a").uint(0);
  for (std::uint64_t i = 1; i < kDepth; ++i) builder.in_item(kType, 1, i - 1).uint(0);
  Document document;
  put(builder.take(), document);
  json::StringOut text;
  json::Writer out(text);
  EXPECT_EQ(JsonView(document.store(), {}).write(out), ViewResult::kTooDeep);
  put(UpdateBuilder().deletes(1, 0, 1).take(), document);
  EXPECT_EQ(json_of(document), R"({"a":[]})");
  EXPECT_EQ(document.store().struct_count(), 2u);  // the item and all that was in it
}

TEST(DocumentTest, TurnsItemsOfAGoneParentIntoGc) {
  Document document;
  put(UpdateBuilder().section(1, 1, 0).in_root(kType, "a").uint(0).take(), document);
  put(UpdateBuilder().deletes(1, 0, 1).take(), document);
  put(UpdateBuilder().section(1, 2, 0).in_item(kString, 1, 0).text("x").take(), document);
  put(UpdateBuilder().section(1, 3, 0).behind(kString, 2, 0).text("y").take(), document);
  EXPECT_EQ(json_of(document), R"({"a":[]})");
  EXPECT_EQ(document.encode_state_vector(), std::string("\x03\x03\x01\x02\x01\x01\x01"));
}

TEST(DocumentTest, TakesAParentThatIsNoTypeAsGone) {
  Document document;
  put(text_update(1, "t", "abc"), document);
  put(UpdateBuilder().section(1, 2, 0).in_item(kString, 1, 1).text("x").take(), document);
  EXPECT_EQ(json_of(document), R"({"t":"abc"})");
}

TEST(DocumentTest, LetsTheHigherClientWinAKey) {
  const auto set = [](std::uint64_t client, std::uint8_t value) {
    return UpdateBuilder()
        .section(1, client, 0)
        .in_root(kAny | 0x20, "m")
        .text("k")
        .uint(1)
        .u8(value)
        .take();
  };
  Document a;
  put(set(1, kTrue), a);
  put(set(2, 121), a);
  Document b;
  put(set(2, 121), b);
  put(set(1, kTrue), b);
  EXPECT_EQ(json_of(a), R"({"m":{"k":false}})");
  EXPECT_EQ(a.encode_state(), b.encode_state());
}

TEST(DocumentTest, WritesUndefinedAsJsonStringifyDoes) {
  Document document;
  put(UpdateBuilder()
          .section(2, 1, 0)
          .in_root(kAny | 0x20, "m")
          .text("k")
          .uint(1)
          .u8(kUndefined)
          .in_root(kAny, "a")
          .uint(2)
          .u8(kUndefined)
          .u8(kTrue)
          .take(),
      document);
  EXPECT_EQ(json_of(document), R"({"m":{},"a":[null,true]})");
}

TEST(DocumentTest, FindsTheKindOfARootInItsContent) {
  Document document;
  put(UpdateBuilder()
          .section(4, 1, 0)
          .in_root(5, "embeds")
          .text("{}")
          .in_root(3, "bytes")
          .text("\x01\x02")
          .in_root(kType, "xml")
          .uint(3)
          .text("P")
          .in_root(1, "nothing")
          .uint(3)
          .take(),
      document);
  EXPECT_EQ(json_of(document), R"({"embeds":"","bytes":["AQI="],"xml":"<p></p>","nothing":null})");
}

TEST(DocumentTest, JoinsWhatIsTypedCharacterByCharacter) {
  Document document;
  put(text_update(1, "t", "0"), document);
  std::string expected = "0";
  for (std::uint64_t i = 1; i < 5000; ++i) {
    const std::string next(1, static_cast<char>('a' + i % 26));
    put(UpdateBuilder().section(1, 1, i).behind(kString, 1, i - 1).text(next).take(), document);
    // Somebody else types elsewhere, so that the run does not stand at the arena's end.
    put(text_update(i + 1, "u", "-"), document);
    expected += next;
  }
  const std::string text = json_of(document);
  EXPECT_NE(text.find('"' + expected + '"'), std::string::npos);
  EXPECT_EQ(document.store().struct_count(), 5000u);
  EXPECT_LT(document.store().content_bytes(), 30'000u);
}

TEST(DocumentTest, CutsALongRunAtManyPlaces) {
  const std::string text(100'000, 'x');
  Document document;
  put(text_update(1, "t", text), document);
  for (std::uint64_t i = 1; i < 20'000; i += 2) {
    put(UpdateBuilder().deletes(1, (i * 7919) % 100'000, 1).take(), document);
  }
  EXPECT_EQ(json_of(document).size(), 90'000 + std::string(R"({"t":""})").size());
  Document loaded;
  put(document.encode_state(), loaded);
  EXPECT_EQ(loaded.encode_state(), document.encode_state());
}

}  // namespace
}  // namespace stator::crdt
