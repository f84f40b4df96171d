// Snapshots of the store against a model: whatever is written, checkpointed or dropped meanwhile,
// each shows what was there when it was taken.
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

using Model = std::map<std::string, std::string>;

Model all_of(Walk& walk) {
  Model found;
  for (Entry entry; walk.next(entry);) found[std::string(entry.key)] = std::string(entry.value);
  return found;
}

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() { store_ = Store::open({directory_.file("lane-0"), 1 << 26, 0, {}}).take(); }
  void put(const std::string& key, const std::string& value) {
    store_->begin_turn();
    store_->overwrite(key, VShardId{1}, value);
    store_->end_turn();
    model_[key] = value;
  }
  void erase(const std::string& key) {
    store_->begin_turn();
    store_->erase(key);
    store_->end_turn();
    model_.erase(key);
  }
  void checkpoint() {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{++lsn_}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
  }

  io::TempDirectory directory_;
  std::unique_ptr<Store> store_;
  Model model_;
  std::uint64_t lsn_ = 0;
};

TEST_F(SnapshotTest, ShowsTheValueThatWasThereAndItsBytesStay) {
  put("a", "first");
  put("gone", "x");
  const auto snapshot = store_->snapshot();
  Entry before;
  ASSERT_TRUE(snapshot->get("a", before));
  put("a", "other");
  put("a", "third");
  put("new", "y");
  erase("gone");
  EXPECT_EQ(before.value, "first") << "what was handed out is not written over";
  Entry entry;
  ASSERT_TRUE(snapshot->get("a", entry));
  EXPECT_EQ(entry.value, "first");
  EXPECT_FALSE(snapshot->get("new", entry));
  EXPECT_TRUE(snapshot->get("gone", entry));
  store_->begin_turn();
  ASSERT_TRUE(store_->get("a", entry));
  EXPECT_EQ(entry.value, "third") << "the present is the present";
  store_->end_turn();
}

TEST_F(SnapshotTest, AWalkGoesOnWhereItWasThroughWritesAndCheckpoints) {
  for (char key = 'a'; key <= 'j'; ++key) put(std::string(1, key), "old");
  const Model expected = model_;
  const auto snapshot = store_->snapshot();
  const auto walk = snapshot->walk({});
  Model found;
  Entry entry;
  for (int steps = 0; walk->next(entry); ++steps) {
    found[std::string(entry.key)] = std::string(entry.value);
    put("a" + std::to_string(steps), "between");
    put(std::string(1, static_cast<char>('j' - steps)), "new");
    erase(std::string(entry.key));
    if (steps % 3 == 1) checkpoint();
  }
  EXPECT_EQ(found, expected);
}

// Several at once, of different ages, ended in any order.
TEST_F(SnapshotTest, EachOfManyShowsItsOwnMoment) {
  struct Taken {
    std::unique_ptr<Snapshot> snapshot;
    Model model;
  };
  std::vector<Taken> taken;
  std::mt19937 random(7);
  const auto pick = [&](std::uint32_t count) {
    return static_cast<std::uint32_t>(random() % count);
  };
  for (int step = 0; step < 6000; ++step) {
    const std::string key = "k" + std::to_string(pick(40));
    pick(4) == 0 ? erase(key) : put(key, std::string(pick(60), 'v') + std::to_string(step));
    if (pick(50) == 0) checkpoint();
    if (pick(20) == 0 && taken.size() < 8) taken.push_back({store_->snapshot(), model_});
    if (taken.empty() || pick(5) != 0) continue;
    const auto at = taken.begin() + pick(static_cast<std::uint32_t>(taken.size()));
    ASSERT_EQ(all_of(*at->snapshot->walk({})), at->model) << "step " << step;
    ASSERT_EQ(all_of(*at->snapshot->walk({{}, {}, true})), at->model) << "step " << step;
    Entry entry;
    const auto expected = at->model.find(key);
    ASSERT_EQ(at->snapshot->get(key, entry), expected != at->model.end());
    const std::array<ByteView, 1> keys = {key};
    std::array<Entry, 1> found;
    at->snapshot->fetch(keys, found);
    ASSERT_EQ(found[0].key, expected != at->model.end() ? ByteView(key) : ByteView());
    ASSERT_EQ(found[0].value,
              expected != at->model.end() ? ByteView(expected->second) : ByteView());
    if (expected != at->model.end()) {
      ASSERT_EQ(entry.value, expected->second);
    }
    if (pick(4) == 0) taken.erase(at);
  }
  taken.clear();
  store_->begin_turn();
  EXPECT_EQ(all_of(*store_->walk({})), model_);
  store_->end_turn();
}

}  // namespace
}  // namespace stator::store
