// What a checkpoint leaves free the next one writes to, but for what somebody may still read.
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

constexpr std::size_t kEntries = 20'000;
constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kSomePages = 32 * kPageBytes;

std::string key_of(std::size_t i) { return "key" + std::to_string(100'000 + i); }
std::string value_of(std::size_t i, char round) {
  return std::string(120 + i % 50, round) + std::to_string(i);
}

class RoomTest : public testing::Test {
 protected:
  RoomTest() { open(); }
  void open() {
    store_.reset();
    StoreOptions options;
    options.directory = directory_.file("lane-0");
    auto opened = Store::open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().sentence();
    store_ = opened.take();
  }
  // Every entry anew: so every page of the base is copied.
  void write(char round) {
    store_->begin_turn();
    for (std::size_t i = 0; i < kEntries; ++i)
      store_->overwrite(key_of(i), VShardId{1}, value_of(i, round));
    store_->end_turn();
  }
  void checkpoint() {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{++lsn_}));
    Status ended = store_->wait_checkpoint();
    ASSERT_TRUE(ended.ok()) << ended.error().sentence();
  }
  template <class Readable>
  void expect_all(Readable& readable, char round) {
    Entry entry;
    for (std::size_t i = 0; i < kEntries; ++i) {
      ASSERT_TRUE(readable.get(key_of(i), entry)) << i;
      ASSERT_EQ(entry.value, value_of(i, round)) << i;
    }
  }
  void expect_store(char round) {
    store_->begin_turn();
    expect_all(*store_, round);
    store_->end_turn();
  }
  std::string data_file() const { return directory_.file("lane-0") + "/data.mdb"; }
  std::size_t file_bytes() const { return std::filesystem::file_size(data_file()); }
  // Of a base that is written twice about a half is free.
  void make_room() {
    write('a');
    checkpoint();
    write('b');
    checkpoint();
  }

  io::TempDirectory directory_;
  std::unique_ptr<Store> store_;
  std::uint64_t lsn_ = 0;
};

TEST_F(RoomTest, OfTheLastCheckpointIsUsedByTheNext) {
  make_room();
  const std::size_t before = file_bytes();
  for (const char round : {'c', 'd', 'e'}) {
    write(round);
    checkpoint();
    EXPECT_LT(file_bytes(), before + kSomePages) << "two states, not three";
  }
  open();
  expect_store('e');
}

// Keys that come in order before others that are there: one collection, then the next.
TEST_F(RoomTest, RunsFillTheirPages) {
  store_->begin_turn();
  for (std::size_t i = 0; i < 200; ++i)
    store_->put("z" + std::to_string(1000 + i), VShardId{1}, std::string(20, 'z'));
  store_->end_turn();
  checkpoint();
  std::size_t bytes = 0;
  for (std::size_t round = 0; round < 10; ++round) {
    store_->begin_turn();
    for (std::size_t i = round * 2000; i < (round + 1) * 2000; ++i) {
      store_->put(key_of(i), VShardId{1}, std::string(280, 'v'));
      bytes += key_of(i).size() + 282 + 10;  // with what LMDB adds
    }
    if (round == 5) store_->erase("z1000");  // it is taken out when the run before it is written
    if (round == 6) store_->put("z1001", VShardId{1}, "other");
    store_->end_turn();
    checkpoint();
  }
  EXPECT_LT(file_bytes(), bytes * 5 / 4);
  open();
  store_->begin_turn();
  Entry entry;
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(store_->get(key_of(i), entry)) << i;
  EXPECT_FALSE(store_->get("z1000", entry));
  ASSERT_TRUE(store_->get("z1001", entry));
  EXPECT_EQ(entry.value, "other");
  for (std::size_t i = 2; i < 200; ++i)
    ASSERT_TRUE(store_->get("z" + std::to_string(1000 + i), entry)) << i;
  store_->end_turn();
}

TEST_F(RoomTest, OfASnapshotStays) {
  write('a');
  checkpoint();
  auto snapshot = store_->snapshot();
  for (const char round : {'b', 'c', 'd'}) {
    write(round);
    checkpoint();
    expect_all(*snapshot, 'a');
  }
  expect_store('d');
}

TEST_F(RoomTest, OfAnOpenTurnStays) {
  write('a');
  checkpoint();
  store_->begin_turn();
  Entry entry;
  ASSERT_TRUE(store_->get(key_of(0), entry));  // the turn's snapshot begins
  const auto walk = store_->walk({});
  ASSERT_TRUE(walk->next(entry));
  ASSERT_TRUE(store_->start_checkpoint(Lsn{++lsn_}));
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  std::size_t count = 1;
  for (; walk->next(entry); ++count) ASSERT_EQ(entry.value, value_of(count, 'a'));
  EXPECT_EQ(count, kEntries);
  store_->end_turn();
}

// LMDB goes back to the older of its two states where the page that shows the newer one is damaged.
TEST_F(RoomTest, ADamagedMetaPageLosesNoCheckpoint) {
  make_room();
  write('c');
  checkpoint();
  store_.reset();
  constexpr std::size_t kTransactionAt = 16 + 128;  // of a page, as lmdb_check.cc reads it
  std::fstream file(data_file(), std::ios::in | std::ios::out | std::ios::binary);
  std::array<std::uint64_t, 2> transactions{};
  for (std::size_t page = 0; page < 2; ++page) {
    std::array<char, sizeof(std::uint64_t)> raw{};
    file.seekg(static_cast<std::streamoff>(page * kPageBytes + kTransactionAt));
    file.read(raw.data(), raw.size());
    transactions[page] = load_little<std::uint64_t>(raw.data());
  }
  const std::size_t newer = transactions[0] > transactions[1] ? 0 : 1;
  file.seekp(static_cast<std::streamoff>(newer * kPageBytes + kTransactionAt));
  const std::array<char, sizeof(std::uint64_t)> none{};
  file.write(none.data(), none.size());
  file.close();
  open();
  EXPECT_EQ(store_->applied(), Lsn{3});
  expect_store('c');
}

}  // namespace
}  // namespace stator::store
