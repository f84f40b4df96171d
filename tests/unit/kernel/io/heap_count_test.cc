#include "io/heap_count.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace stator::io {
namespace {

class HeapCountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kCountsHeap) GTEST_SKIP() << "a sanitizer has a heap of its own";
  }
};

TEST_F(HeapCountTest, CountsWhatIsTakenAndGivenBack) {
  const std::int64_t before = heap_bytes_of_thread;
  auto bytes = std::make_unique<std::vector<char>>(100'000);
  const std::int64_t held = heap_bytes_of_thread - before;
  EXPECT_GE(held, 100'000);
  EXPECT_LT(held, 110'000);
  struct alignas(64) Line {
    char bytes[64];
  };
  auto lines = std::make_unique<std::vector<Line>>(1000);
  EXPECT_GE(heap_bytes_of_thread - before, held + 64'000);
  lines.reset();
  bytes.reset();
  EXPECT_EQ(heap_bytes_of_thread, before);
}

// As engines in C and Rust take it.
TEST_F(HeapCountTest, CountsEveryWayToTakeMemory) {
  const std::int64_t before = heap_bytes_of_thread;
  const auto expect_counted = [&](void* memory) {
    ASSERT_NE(memory, nullptr);
    EXPECT_GE(heap_bytes_of_thread - before, 100'000);
    EXPECT_LT(heap_bytes_of_thread - before, 110'000);
    std::free(memory);
    EXPECT_EQ(heap_bytes_of_thread, before);
  };
  expect_counted(std::malloc(100'000));
  expect_counted(std::calloc(1000, 100));
  expect_counted(std::aligned_alloc(64, 100'096));
  expect_counted(memalign(64, 100'000));
  expect_counted(valloc(100'000));
  expect_counted(pvalloc(100'000));
  expect_counted(std::realloc(nullptr, 100'000));
  expect_counted(std::realloc(std::malloc(10), 100'000));
  expect_counted(std::realloc(std::malloc(1'000'000), 100'000));
  expect_counted(reallocarray(nullptr, 1000, 100));
  void* memory = nullptr;
  ASSERT_EQ(posix_memalign(&memory, 64, 100'000), 0);
  expect_counted(memory);
  EXPECT_EQ(posix_memalign(&memory, 3, 1), EINVAL);
  // Hidden from the compiler, which would know better than to ask for so much.
  volatile std::size_t too_much = SIZE_MAX / 2;
  void* (*volatile resize)(void*, std::size_t) = std::realloc;
  void* small = std::malloc(10);
  const std::int64_t with_small = heap_bytes_of_thread;
  EXPECT_EQ(resize(small, too_much), nullptr);
  EXPECT_EQ(std::malloc(too_much), nullptr);
  EXPECT_EQ(heap_bytes_of_thread, with_small);
  std::free(small);
  EXPECT_EQ(heap_bytes_of_thread, before);
}

TEST_F(HeapCountTest, EachThreadHasItsOwn) {
  const std::int64_t before = heap_bytes_of_thread;
  std::vector<char> others;
  std::thread([&] {
    const std::int64_t mine_before = heap_bytes_of_thread;  // what a thread needs itself
    EXPECT_LT(mine_before, 10'000);
    std::vector<char> mine(50'000);
    EXPECT_GE(heap_bytes_of_thread, mine_before + 50'000);
  }).join();
  EXPECT_LT(heap_bytes_of_thread, before + 10'000);
}

TEST_F(HeapCountTest, SomeIsNotCounted) {
  std::unique_ptr<std::vector<char>> kept;
  const std::int64_t before = heap_bytes_of_thread;
  {
    const Uncounted here;
    kept = std::make_unique<std::vector<char>>(1000);
  }
  EXPECT_EQ(heap_bytes_of_thread, before);
}

}  // namespace
}  // namespace stator::io
