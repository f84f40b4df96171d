// The witness must not believe everything: histories made wrong by hand, one for each rule.
#include "support/history.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Operation write(std::uint32_t key, std::uint64_t value, std::uint64_t lsn, std::uint64_t began,
                std::uint64_t ended) {
  return {true, key, value, lsn, lsn, began, ended};
}
Operation read(std::uint32_t key, std::uint64_t value, std::uint64_t watermark, std::uint64_t began,
               std::uint64_t ended) {
  return {false, key, value, 0, watermark, began, ended};
}

TEST(HistoryTest, OfOneAfterTheOtherIsTrue) {
  EXPECT_THAT(check_history({read(1, 0, 0, 1, 2), write(1, 10, 5, 3, 4), read(1, 10, 5, 5, 6),
                             write(1, 11, 6, 7, 8), read(1, 11, 6, 9, 10)}),
              IsEmpty());
}

// Whoever overlaps may come in either order.
TEST(HistoryTest, OfOverlappingOperationsIsTrueInEitherOrder) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 20), write(1, 11, 2, 2, 19), read(1, 10, 1, 3, 4),
                             read(1, 11, 2, 5, 6)}),
              IsEmpty());
  EXPECT_THAT(check_history({write(1, 10, 2, 1, 20), write(1, 11, 1, 2, 19), read(1, 11, 1, 3, 4),
                             read(1, 10, 2, 5, 6)}),
              IsEmpty());
}

TEST(HistoryTest, AStaleReadIsRefused) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 2), write(1, 11, 2, 3, 4), read(1, 10, 2, 5, 6)}),
              HasSubstr("stale"));
}

TEST(HistoryTest, TwoReadsThatGoBackAreRefused) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 2), write(1, 11, 2, 3, 20), read(1, 11, 2, 5, 6),
                             read(1, 10, 2, 7, 8)}),
              HasSubstr("stale"));
}

TEST(HistoryTest, ALostWriteIsRefused) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 2), read(1, 0, 1, 3, 4)}), HasSubstr("stale"));
}

// Its client never had an answer, but another one's watermark says that it is durable.
TEST(HistoryTest, AWriteBelowTheWatermarkThatIsNotSeenIsRefused) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 50), write(2, 20, 2, 2, 3), read(1, 0, 2, 4, 5)}),
              HasSubstr("a durable write was not seen"));
}

TEST(HistoryTest, APhantomIsRefused) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 2), read(1, 99, 1, 3, 4)}), HasSubstr("phantom"));
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 2), read(2, 10, 1, 3, 4)}), HasSubstr("phantom"))
      << "another's value";
}

TEST(HistoryTest, AReadFromTheFutureIsRefused) {
  EXPECT_THAT(check_history({read(1, 10, 1, 1, 2), write(1, 10, 1, 3, 4)}),
              HasSubstr("read before it was written"));
}

TEST(HistoryTest, ReorderedWritesAreRefused) {
  EXPECT_THAT(check_history({write(1, 10, 2, 1, 2), write(1, 11, 1, 3, 4)}),
              HasSubstr("watermark"));
  Operation later = write(2, 11, 1, 3, 4);
  later.watermark = 2;
  EXPECT_THAT(check_history({write(1, 10, 2, 1, 2), later}),
              HasSubstr("LSNs against the order of time"));
}

TEST(HistoryTest, OneLsnForTwoWritesIsRefused) {
  EXPECT_THAT(check_history({write(1, 10, 1, 1, 2), write(2, 11, 1, 1, 4)}), HasSubstr("one LSN"));
}

TEST(HistoryTest, AnAnswerBeforeItWasDurableIsRefused) {
  Operation early = write(1, 10, 5, 1, 2);
  early.watermark = 4;
  EXPECT_THAT(check_history({early}), HasSubstr("told before it was durable"));
  EXPECT_THAT(check_history({write(1, 10, 5, 1, 9), read(1, 10, 4, 2, 3)}),
              HasSubstr("told before it was durable"));
}

TEST(HistoryTest, AWatermarkThatGoesBackIsRefused) {
  EXPECT_THAT(check_history({read(1, 0, 7, 1, 2), read(1, 0, 6, 3, 4)}),
              HasSubstr("watermark went back"));
}

// A true history of a register machine; then one read of it is told an older value, and found out.
TEST(HistoryTest, OneWrongReadAmongThousandsIsFound) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    std::vector<Operation> operations;
    std::vector<std::vector<std::uint64_t>> values(8, {0});
    std::uint64_t now = 0;
    std::uint64_t lsn = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto key = static_cast<std::uint32_t>(random() % 8);
      const std::uint64_t began = ++now;
      if (random() % 2 == 0) {
        values[key].push_back(++lsn + 1000);
        operations.push_back(write(key, values[key].back(), lsn, began, ++now));
      } else {
        operations.push_back(read(key, values[key].back(), lsn, began, ++now));
      }
    }
    std::shuffle(operations.begin(), operations.end(), std::mt19937(seed));
    ASSERT_THAT(check_history(operations), IsEmpty());
    const auto spoiled = std::find_if(
        operations.begin(), operations.end(),
        [](const Operation& operation) { return !operation.is_write && operation.value > 1100; });
    ASSERT_NE(spoiled, operations.end());
    const auto& of_key = values[spoiled->key];
    const auto at = std::find(of_key.begin(), of_key.end(), spoiled->value);
    spoiled->value = *std::prev(at);
    ASSERT_THAT(check_history(operations), HasSubstr("stale"));
  }
}

}  // namespace
}  // namespace stator::test
