// Sizes of groups of keys: what the store says is what a walk over its keys adds up to.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

constexpr std::int64_t kHeaderBytes = 2;  // the vShard before each value

class MeasureTest : public testing::Test {
 protected:
  void open(bool is_measured = true) {
    store_.reset();
    told_.clear();
    StoreOptions options;
    options.directory = directory_.file("lane-0");
    if (is_measured) {
      options.group_of = [](ByteView key) { return static_cast<std::uint32_t>(key[0]); };
      options.on_size_change = [this](std::uint32_t group, std::int64_t bytes) { told_[group] += bytes; };
    }
    store_ = Store::open(options).take();
  }
  void checkpoint() {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{++lsn_}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
  }
  std::map<std::uint32_t, std::int64_t> counted() {
    std::map<std::uint32_t, std::int64_t> sizes;
    store_->begin_turn();
    {
      const auto walk = store_->walk({});
      for (Entry entry; walk->next(entry);) {
        sizes[static_cast<std::uint32_t>(entry.key[0])] +=
            static_cast<std::int64_t>(entry.key.size() + entry.value.size()) + kHeaderBytes;
      }
    }
    store_->end_turn();
    return sizes;
  }
  void expect_true() {
    std::erase_if(told_, [](const auto& entry) { return entry.second == 0; });
    EXPECT_EQ(told_, counted());
  }
  void change_something(std::mt19937_64& random) {
    store_->begin_turn();
    for (int i = 0; i < 200; ++i) {
      std::string key(1, static_cast<char>('a' + random() % 3));
      key += std::to_string(random() % 100);
      if (random() % 3 == 0) {
        store_->erase(key);
      } else {
        store_->put(key, VShardId{1}, std::string(random() % 50, 'x'));
      }
    }
    store_->end_turn();
  }

  io::TempDirectory directory_;
  std::map<std::uint32_t, std::int64_t> told_;
  std::uint64_t lsn_ = 0;
  std::unique_ptr<Store> store_;
};

TEST_F(MeasureTest, PutsReplacesAndErasesAddUp) {
  std::mt19937_64 random(7);
  open();
  for (int round = 0; round < 10; ++round) {
    change_something(random);
    checkpoint();
    expect_true();
    if (round % 3 == 2) open();
    expect_true();
  }
}

TEST_F(MeasureTest, AStoreThatWasNeverMeasuredIsMeasuredAtOpen) {
  std::mt19937_64 random(8);
  open(false);
  change_something(random);
  checkpoint();
  open();
  expect_true();
  change_something(random);
  checkpoint();
  expect_true();
}

}  // namespace
}  // namespace stator::store
