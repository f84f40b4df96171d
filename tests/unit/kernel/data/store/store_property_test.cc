// The store against std::map, under random writes, reads, turns, checkpoints and reopenings.
#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

using Value = std::pair<std::uint32_t, std::string>;  // vShard, bytes
using Model = std::map<std::string, Value>;

class RandomRun {
 public:
  explicit RandomRun(std::uint32_t seed) : random_(seed) { open(); }

  void step() {
    const std::uint32_t dice = random() % 1000;
    if (dice < 400) {
      put();
    } else if (dice < 550) {
      const std::string key = random_key();
      store_->erase(key);
      model_.erase(key);
    } else if (dice < 760) {
      check_get();
    } else if (dice < 800) {
      check_fetch();
    } else if (dice < 880) {
      check_walk();
    } else if (dice < 930) {
      turn();
    } else if (dice < 950) {
      start();
    } else if (dice < 990) {
      ASSERT_TRUE(store_->finish_checkpoint().ok());
    } else if (dice < 996) {
      ASSERT_TRUE(store_->wait_checkpoint().ok());
    } else {
      reopen();
    }
  }

 private:
  void open() {
    // A small map, so that it is outgrown again and again.
    store_ = Store::open({.directory = directory_.file("store"),
                          .map_bytes = 64 * 1024,
                          .memtable_bytes = 0,
                          .on_checkpoint = {}})
                 .take();
    in_turn_ = false;
    ASSERT_EQ(store_->applied().value(), started_);
  }
  // What was checkpointed is there again, and nothing else.
  void reopen() {
    if (in_turn_) store_->end_turn();
    ASSERT_TRUE(store_->wait_checkpoint().ok());
    if (random() % 2 == 0) {
      start();
      ASSERT_TRUE(store_->wait_checkpoint().ok());
    }
    store_.reset();
    model_ = checkpointed_;
    lsn_ = started_;
    open();
  }
  void start() {
    if (!store_->start_checkpoint(Lsn{lsn_})) return;
    checkpointed_ = model_;
    started_ = lsn_;
  }
  void turn() {
    if (in_turn_) store_->end_turn();
    in_turn_ = random() % 4 != 0;
    if (in_turn_) store_->begin_turn();
  }
  std::string random_key() {
    if (random() % 50 == 0) return std::string(511, static_cast<char>(random() % 256));
    std::string key(1 + random() % 4, '\0');
    for (char& c : key) c = "\0az\xff"[random() % 4];
    return key;
  }
  void put() {
    const std::string key = random_key();
    const std::uint32_t vshard = random() % 8 == 0 ? kEveryVShard.value() : random() % 1024;
    const std::size_t size = random() % 20 == 0 ? random() % 9000 : random() % 40;
    std::string value(size, static_cast<char>(random() % 256));
    store_->put(key, VShardId{vshard}, value);
    model_[key] = {vshard, std::move(value)};
    ++lsn_;
  }
  void check_get() {
    const std::string key = random_key();
    const auto expected = model_.find(key);
    Entry entry;
    ASSERT_EQ(store_->get(key, entry), expected != model_.end());
    if (expected == model_.end()) return;
    ASSERT_EQ(entry.value, expected->second.second);
    ASSERT_EQ(entry.vshard.value(), expected->second.first);
  }
  // Many keys at once are what get() says of each, and the answers lie in the store.
  void check_fetch() {
    std::vector<std::string> names(random() % (kFetchMax + 1));
    for (std::string& name : names) name = random_key();
    const std::vector<ByteView> keys(names.begin(), names.end());
    std::vector<Entry> found(keys.size(), Entry{"not written", "", VShardId{7}});
    store_->fetch(keys, found);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Entry entry;
      const bool is_there = store_->get(keys[i], entry);
      ASSERT_EQ(found[i].key, is_there ? keys[i] : ByteView());
      if (!is_there) continue;
      ASSERT_NE(found[i].key.data(), keys[i].data());
      ASSERT_EQ(found[i].value, entry.value);
      ASSERT_EQ(found[i].vshard.value(), entry.vshard.value());
    }
  }
  void check_walk() {
    const std::string lower = random() % 3 == 0 ? "" : random_key();
    const std::string upper = random() % 3 == 0 ? "" : random_key();
    const bool is_reverse = random() % 2 == 0;
    const auto begin = model_.lower_bound(lower);
    const auto end = upper.empty() ? model_.end() : model_.lower_bound(upper);
    std::vector<std::pair<std::string, Value>> expected;
    if (upper.empty() || lower < upper) expected.assign(begin, end);
    if (is_reverse) std::reverse(expected.begin(), expected.end());
    const auto walk = store_->walk({.lower = lower, .upper = upper, .reverse = is_reverse});
    Entry entry;
    for (const auto& [key, value] : expected) {
      ASSERT_TRUE(walk->next(entry));
      ASSERT_EQ(entry.key, key);
      ASSERT_EQ(entry.value, value.second);
      ASSERT_EQ(entry.vshard.value(), value.first);
    }
    ASSERT_FALSE(walk->next(entry));
  }

  std::uint32_t random() { return static_cast<std::uint32_t>(random_()); }

  std::mt19937 random_;
  io::TempDirectory directory_;
  std::unique_ptr<Store> store_;
  Model model_;
  Model checkpointed_;
  std::uint64_t lsn_ = 0;
  std::uint64_t started_ = 0;
  bool in_turn_ = false;
};

class StorePropertyTest : public testing::TestWithParam<std::uint32_t> {};

TEST_P(StorePropertyTest, AgreesWithAMap) {
  RandomRun run(GetParam());
  for (int i = 0; i < 6000; ++i) {
    run.step();
    if (HasFatalFailure()) FAIL() << "seed " << GetParam() << ", step " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StorePropertyTest, testing::Range(1u, 9u));

}  // namespace
}  // namespace stator::store
