#include "io/heap_count.h"

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

TEST_F(HeapCountTest, EachThreadHasItsOwn) {
  const std::int64_t before = heap_bytes_of_thread;
  std::vector<char> others;
  std::thread([&] {
    EXPECT_EQ(heap_bytes_of_thread, 0);
    std::vector<char> mine(50'000);
    EXPECT_GE(heap_bytes_of_thread, 50'000);
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
