// Store::get and fetch allocate nothing on the heap, whichever layer answers.
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

// Counts for the whole test program; malloc's own callers (LMDB) are not seen.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* place = std::malloc(size == 0 ? 1 : size);
  if (place == nullptr) throw std::bad_alloc();
  return place;
}
[[gnu::noinline]] void operator delete(void* place) noexcept { std::free(place); }
[[gnu::noinline]] void operator delete(void* place, std::size_t) noexcept { std::free(place); }

namespace stator::store {
namespace {

TEST(StoreGetTest, AllocatesNothing) {
  const io::TempDirectory directory;
  StoreOptions options;
  options.directory = directory.file("lane-0");
  const auto store = Store::open(options).take();
  store->put("base", VShardId{1}, "1");
  ASSERT_TRUE(store->start_checkpoint(Lsn{1}));
  ASSERT_TRUE(store->wait_checkpoint().ok());
  store->put("memtable", VShardId{1}, "1");

  Entry entry;
  const std::array<ByteView, 3> keys = {"absent", "base", "memtable"};
  std::array<Entry, 3> found;
  const std::size_t before = allocations.load();
  for (int turn = 0; turn < 10; ++turn) {
    store->begin_turn();
    ASSERT_TRUE(store->get("base", entry));
    ASSERT_TRUE(store->get("memtable", entry));
    ASSERT_FALSE(store->get("absent", entry));
    store->fetch(keys, found);
    ASSERT_TRUE(found[0].key.empty() && found[1].value == "1" && found[2].value == "1");
    store->end_turn();
  }
  EXPECT_EQ(allocations.load(), before);
  EXPECT_GT(before, 0u);
}

}  // namespace
}  // namespace stator::store
