#include <gtest/gtest.h>

#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

TEST(ForgetMemoryTest, TheStoreIsAsItsBaseIs) {
  const io::TempDirectory directory;
  StoreOptions options;
  options.directory = directory.path();
  const auto store = Store::open(options).take();
  store->put("in the base", VShardId{1}, "old");
  store->put("erased later", VShardId{1}, "x");
  ASSERT_TRUE(store->start_checkpoint(Lsn{4}));
  ASSERT_TRUE(store->wait_checkpoint().ok());
  store->put("in the base", VShardId{1}, "new");
  store->put("in memory", VShardId{1}, "x");
  store->erase("erased later");
  store->forget_memory();
  EXPECT_EQ(store->applied(), Lsn{4});
  Entry entry;
  store->begin_turn();
  ASSERT_TRUE(store->get("in the base", entry));
  EXPECT_EQ(entry.value, "old");
  EXPECT_TRUE(store->get("erased later", entry));
  EXPECT_FALSE(store->get("in memory", entry));
  store->end_turn();
  store->put("afterwards", VShardId{1}, "x");
  ASSERT_TRUE(store->start_checkpoint(Lsn{5}));
  ASSERT_TRUE(store->wait_checkpoint().ok());
}

}  // namespace
}  // namespace stator::store
