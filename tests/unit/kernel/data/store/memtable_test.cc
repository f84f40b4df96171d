#include "data/store/memtable.h"

#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/store/stored_value.h"

namespace stator::store {
namespace {

using testing::ElementsAre;

std::vector<std::string> keys_of(const Memtable& table) {
  std::vector<std::string> keys;
  for (const auto* node = table.first(); node != nullptr; node = node->next()) {
    keys.emplace_back(node->key());
  }
  return keys;
}

std::string value_of(const Memtable::Node* node) {
  return std::string(entry_of(node->key(), node->stored()).value);
}

TEST(MemtableTest, KeepsKeysInByteOrder) {
  Memtable table;
  const std::string high("\xff");
  const std::string zero("a\0b", 3);
  for (const std::string& key :
       {std::string("b"), high, std::string("a"), zero, std::string("ab")}) {
    table.put(key, VShardId{1}, "v");
  }
  EXPECT_THAT(keys_of(table), ElementsAre("a", zero, "ab", "b", high));
  EXPECT_EQ(table.last()->key(), high);
  EXPECT_EQ(table.count(), 5u);
}

TEST(MemtableTest, ReplacesTheValueAndKeepsTheOldBytes) {
  Memtable table;
  table.put("k", VShardId{1}, "old");
  const ByteView old = table.find("k")->stored();
  table.put("k", VShardId{2}, "newer");
  EXPECT_EQ(value_of(table.find("k")), "newer");
  EXPECT_EQ(entry_of("k", table.find("k")->stored()).vshard, VShardId{2});
  EXPECT_EQ(old.substr(kValueHeaderBytes), "old");
  EXPECT_EQ(table.count(), 1u);
}

TEST(MemtableTest, OverwritesInThePlaceOfTheOldValue) {
  Memtable table;
  table.overwrite("k", VShardId{1}, "first value");
  const char* place = table.find("k")->stored().data();
  table.overwrite("k", VShardId{2}, "second");
  EXPECT_EQ(table.find("k")->stored().data(), place);
  EXPECT_EQ(value_of(table.find("k")), "second");
  EXPECT_EQ(entry_of("k", table.find("k")->stored()).vshard, VShardId{2});
  table.overwrite("k", VShardId{2}, std::string(100, 'x'));  // does not fit
  EXPECT_EQ(value_of(table.find("k")), std::string(100, 'x'));
  table.erase("k");
  table.overwrite("k", VShardId{3}, "again");
  EXPECT_EQ(value_of(table.find("k")), "again");
  EXPECT_EQ(table.count(), 1u);
}

TEST(MemtableTest, OverwritingTakesNoMemoryAndSparesTheNeighbours) {
  std::mt19937 random(11);
  Memtable table;
  std::map<std::string, std::string> model;
  const auto write = [&](std::size_t sizes) {
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = "key-" + std::to_string(random() % 300);
      const std::string value(random() % sizes, static_cast<char>('a' + random() % 26));
      table.overwrite(key, VShardId{3}, value);
      model[key] = value;
    }
  };
  write(2000);
  for (const auto& [key, value] : model) ASSERT_EQ(value_of(table.find(key)), value);
  for (auto& [key, value] : model) {
    value.assign(64, 'y');
    table.overwrite(key, VShardId{3}, value);
  }
  const std::size_t before = table.bytes();
  for (int i = 0; i < 100; ++i) {
    for (const auto& [key, value] : model) table.overwrite(key, VShardId{3}, value);
  }
  EXPECT_EQ(table.bytes(), before);
  for (const auto& [key, value] : model) ASSERT_EQ(value_of(table.find(key)), value);
}

TEST(MemtableTest, RemembersErasedKeys) {
  Memtable table;
  table.erase("never put");
  table.put("k", VShardId{1}, "v");
  table.erase("k");
  EXPECT_TRUE(table.find("k")->is_erased());
  EXPECT_TRUE(table.find("never put")->is_erased());
  EXPECT_EQ(table.find("other"), nullptr);
  table.put("k", VShardId{1}, "");
  EXPECT_FALSE(table.find("k")->is_erased());
}

TEST(MemtableTest, FindsNeighbours) {
  Memtable table;
  EXPECT_EQ(table.first(), nullptr);
  EXPECT_EQ(table.last(), nullptr);
  EXPECT_EQ(table.before("x"), nullptr);
  for (const char* key : {"b", "d", "f"}) table.put(key, VShardId{1}, "v");
  EXPECT_EQ(table.at_or_after("b")->key(), "b");
  EXPECT_EQ(table.at_or_after("c")->key(), "d");
  EXPECT_EQ(table.at_or_after("g"), nullptr);
  EXPECT_EQ(table.before("b"), nullptr);
  EXPECT_EQ(table.before("c")->key(), "b");
  EXPECT_EQ(table.before("z")->key(), "f");
  EXPECT_EQ(table.before("d")->previous, nullptr);
}

TEST(MemtableTest, AbsorbsWhatIsNewer) {
  Memtable old;
  old.put("a", VShardId{1}, "old");
  old.put("b", VShardId{1}, "old");
  Memtable newer;
  newer.put("b", VShardId{2}, "new");
  newer.erase("a");
  newer.put("c", VShardId{3}, "new");
  old.absorb(newer);
  EXPECT_TRUE(old.find("a")->is_erased());
  EXPECT_EQ(value_of(old.find("b")), "new");
  EXPECT_EQ(entry_of("b", old.find("b")->stored()).vshard, VShardId{2});
  EXPECT_EQ(value_of(old.find("c")), "new");
}

TEST(MemtableTest, AgreesWithAMapOverManyKeys) {
  std::mt19937 random(7);
  Memtable table;
  std::map<std::string, std::string> model;
  for (int i = 0; i < 20'000; ++i) {
    std::string key(1 + random() % 40, '\0');
    for (char& c : key) c = static_cast<char>(random() % 3 + (key.size() > 20 ? 250 : 0));
    const std::string value = std::to_string(i);
    table.put(key, VShardId{3}, value);
    model[key] = value;
  }
  ASSERT_EQ(table.count(), model.size());
  const auto* node = table.first();
  const Memtable::Node* previous = nullptr;
  for (const auto& [key, value] : model) {
    ASSERT_NE(node, nullptr);
    ASSERT_EQ(node->key(), key);
    ASSERT_EQ(value_of(node), value);
    ASSERT_EQ(node->previous, previous);
    ASSERT_EQ(table.find(key), node);
    previous = node;
    node = node->next();
  }
  EXPECT_EQ(node, nullptr);
  EXPECT_EQ(table.last(), previous);
}

TEST(MemtableTest, CountsItsMemory) {
  Memtable table;
  const std::size_t empty = table.bytes();
  table.put("k", VShardId{1}, std::string(1'000'000, 'x'));
  EXPECT_GE(table.bytes(), empty + 1'000'000);
  for (int i = 0; i < 10; ++i) table.put("k", VShardId{1}, std::string(1'000'000, 'x'));
  EXPECT_GE(table.bytes(), empty + 11'000'000);  // old values stay: somebody may look at them
}

TEST(ArenaTest, AlignsAndNeverOverlaps) {
  Arena arena;
  std::mt19937 random(3);
  std::vector<std::pair<char*, std::size_t>> places;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::size_t size = random() % 10 == 0 ? random() % 500'000 : random() % 100;
    const std::size_t alignment = std::size_t{1} << random() % 4;
    char* place = arena.allocate(size, alignment);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(place) % alignment, 0u);
    std::fill_n(place, size, static_cast<char>(i));
    places.emplace_back(place, size);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto [place, size] = places[i];
    ASSERT_TRUE(
        std::all_of(place, place + size, [&](char c) { return c == static_cast<char>(i); }));
  }
}

}  // namespace
}  // namespace stator::store
