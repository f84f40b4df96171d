// What is looked up in step in LMDB's pages is what LMDB says: trees of each depth, large values,
// keys beside those that are there; and of bytes that are no tree nothing is said.
#include "data/store/mapped_tree.h"

#include <array>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/store/lmdb_env.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

class MappedTreeTest : public testing::Test {
 protected:
  MappedTreeTest() : base_(LmdbEnv::open(directory_.file("base"), 1 << 30).take()) {}
  // Entries whose keys leave room for absent ones between them.
  void write(std::size_t count, std::size_t value_bytes) {
    Memtable newest;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key = name(i * 2);
      model_[key] = std::string(value_bytes + random_() % 40, static_cast<char>('a' + i % 26));
      newest.put(key, VShardId{1}, model_[key]);
    }
    ASSERT_TRUE(base_->write(newest, Lsn{++lsn_}).ok());
  }
  static std::string name(std::size_t i) {
    std::string digits = std::to_string(i);
    return "key" + std::string(8 - digits.size(), '0') + digits;
  }
  void expect_agreement(std::size_t count) {
    for (std::size_t first = 0; first < count * 2; first += kKeysInStepMax) {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < kKeysInStepMax; ++i)
        names.push_back(name(random_() % (count * 2)));
      expect_as_lmdb(names);
    }
    base_->end_read();
  }
  // How many of them there are.
  std::size_t expect_as_lmdb(const std::vector<std::string>& names) {
    const std::vector<ByteView> keys(names.begin(), names.end());
    std::vector<MappedEntry> found(keys.size());
    base_->fetch(keys, found);
    std::size_t there = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ByteView stored;
      const bool is_there = base_->get(keys[i], stored);
      EXPECT_EQ(found[i].key, is_there ? keys[i] : ByteView()) << keys[i];
      if (!is_there) continue;
      ++there;
      EXPECT_EQ(found[i].stored.data(), stored.data());
      EXPECT_EQ(found[i].stored.size(), stored.size());
    }
    return there;
  }

  io::TempDirectory directory_;
  std::unique_ptr<LmdbEnv> base_;
  std::mt19937 random_{1};
  std::map<std::string, std::string> model_;
  std::uint64_t lsn_ = 0;
};

TEST_F(MappedTreeTest, AnEmptyBaseHasNothing) { expect_agreement(1); }

TEST_F(MappedTreeTest, AgreesWithLmdbAtEachDepth) {
  for (const std::size_t count : {1u, 8u, 300u, 20'000u, 200'000u}) {
    write(count, 60);
    expect_agreement(std::min<std::size_t>(count, 20'000));
  }
}

// Keys are compared by words: all lengths, beginnings in common, bytes at either end of the order.
TEST_F(MappedTreeTest, AgreesWithLmdbOnKeysOfEveryLength) {
  const auto any_key = [&] {
    std::string key(1 + random_() % 20, 'm');
    for (std::size_t i = key.size() - std::min<std::size_t>(key.size(), 3); i < key.size(); ++i)
      key[i] = "\x01m\x7f\x80\xff"[random_() % 5];
    return key;
  };
  Memtable newest;
  for (int i = 0; i < 700; ++i) newest.put(any_key(), VShardId{1}, "value");
  ASSERT_TRUE(base_->write(newest, Lsn{++lsn_}).ok());
  std::size_t there = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kKeysInStepMax; ++i) names.push_back(any_key());
    there += expect_as_lmdb(names);
  }
  base_->end_read();
  EXPECT_GT(there, 300u);
  EXPECT_LT(there, 2900u);
}

TEST_F(MappedTreeTest, AgreesWithLmdbOnLargeValues) {
  write(300, 3'000);
  write(200, 10'000);
  expect_agreement(300);
}

TEST_F(MappedTreeTest, ASnapshotShowsWhatItWas) {
  write(1000, 50);
  const auto snapshot = base_->snapshot();
  const std::string old = model_[name(10)];
  write(1000, 50);
  write(2000, 50);
  const std::array<ByteView, 1> keys = {"key00000010"};
  std::array<MappedEntry, 1> found;
  snapshot->fetch(keys, found);
  EXPECT_EQ(found[0].stored.substr(2), old);
  base_->fetch(keys, found);
  EXPECT_EQ(found[0].stored.substr(2), model_[name(10)]);
}

// A page of zeros, of ones, of noise, at the place of the root and below it.
TEST_F(MappedTreeTest, OfBytesThatAreNoTreeNothingIsSaid) {
  constexpr std::size_t kPages = 4;
  alignas(kMappedPageBytes) static std::array<char, kPages * kMappedPageBytes> map;
  const std::vector<std::string> names = {"a", std::string(100, 'x'), std::string(3, '\xff')};
  const std::vector<ByteView> keys(names.begin(), names.end());
  std::vector<MappedEntry> found(keys.size());
  for (int round = 0; round < 3000; ++round) {
    for (char& byte : map)
      byte = round == 0 ? '\0' : round == 1 ? '\xff' : static_cast<char>(random_());
    for (std::uint64_t page = 0; page < kPages; ++page) {  // noise behind a header that is right
      char* at = map.data() + page * kMappedPageBytes;
      const std::uint16_t flags = page == kPages - 1 ? 2 : 1;
      const auto lower = static_cast<std::uint16_t>(16 + random_() % 4080);
      std::memcpy(at, &page, sizeof page);
      std::memcpy(at + 10, &flags, sizeof flags);
      std::memcpy(at + 12, &lower, sizeof lower);
    }
    const std::uint16_t depth = static_cast<std::uint16_t>(1 + random_() % 4);
    find_in_step({map.data(), kPages, depth == 1 ? 3u : random_() % 5, depth}, keys, found);
    for (const MappedEntry& one : found) {
      if (one.key.empty()) continue;
      ASSERT_GE(one.stored.data(), map.data());
      ASSERT_LE(one.stored.data() + one.stored.size(), map.data() + map.size());
    }
  }
  EXPECT_EQ(tree_of("short", 1 << 20).map, nullptr);
}

}  // namespace
}  // namespace stator::store
