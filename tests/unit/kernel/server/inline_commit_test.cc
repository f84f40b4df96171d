#include "server/inline_commit.h"

#include <gtest/gtest.h>

namespace stator::server {
namespace {

constexpr std::uint64_t kNow = 1'000'000'000;
constexpr std::uint64_t kLongAgo = kNow - InlineCommit::kQuietNs - 1;

TEST(InlineCommitTest, IsDueWhileNobodyIsAnsweredAtOnce) {
  EXPECT_TRUE(InlineCommit().is_due(
      {.now_ns = kNow, .alone_since_ns = kNow, .at_once_ns = kLongAgo, .held = 50}));
}

TEST(InlineCommitTest, IsDueForOneConnectionAlsoIfItReads) {
  EXPECT_TRUE(InlineCommit().is_due(
      {.now_ns = kNow, .alone_since_ns = kLongAgo, .at_once_ns = kNow, .held = 1}));
}

TEST(InlineCommitTest, IsNotDueBesideReaders) {
  EXPECT_FALSE(InlineCommit().is_due(
      {.now_ns = kNow, .alone_since_ns = kNow, .at_once_ns = kLongAgo + 1, .held = 1}));
}

TEST(InlineCommitTest, IsNotDueWhenMuchWaitsOrNothing) {
  EXPECT_FALSE(InlineCommit().is_due({.now_ns = kNow, .held = InlineCommit::kHeldMax + 1}));
  EXPECT_FALSE(InlineCommit().is_due({.now_ns = kNow, .held = 0}));
}

TEST(InlineCommitTest, IsNotDueBesideThoseWhoAreServedWithoutTheLog) {
  InlineCommit commit;
  commit.served_other(kLongAgo + 1);
  EXPECT_FALSE(
      commit.is_due({.now_ns = kNow, .alone_since_ns = kNow, .at_once_ns = kLongAgo, .held = 1}));
  EXPECT_TRUE(commit.is_due(
      {.now_ns = kNow + 1, .alone_since_ns = kNow, .at_once_ns = kLongAgo, .held = 1}));
}

// A turn's time is its begin, also behind a commit of its own.
TEST(InlineCommitTest, IsDueAgainInTheSameTurn) {
  InlineCommit commit;
  commit.took(kNow, kNow + 1);
  EXPECT_TRUE(commit.is_due({.now_ns = kNow, .held = 1}));
}

// Where they stay slow it is tried more and more seldom.
TEST(InlineCommitTest, ASlowDiskIsLeftToTheWriter) {
  constexpr std::uint64_t kSlow = 5 * InlineCommit::kSlowNs;
  InlineCommit commit;
  commit.took(kNow, kNow + InlineCommit::kSlowNs);
  EXPECT_TRUE(commit.is_due({.now_ns = kNow + InlineCommit::kSlowNs, .held = 1}));
  std::uint64_t end = kNow;
  const auto expect_pause = [&](std::uint64_t pause) {
    EXPECT_FALSE(commit.is_due({.now_ns = end + pause - 1, .held = 1})) << pause;
    EXPECT_TRUE(commit.is_due({.now_ns = end + pause, .held = 1})) << pause;
  };
  for (std::uint64_t factor = InlineCommit::kSlowFactor; factor < 1000; factor *= 2) {
    commit.took(end, end + kSlow);
    end += kSlow;
    expect_pause(factor * kSlow);
  }
  for (int i = 0; i < 200; ++i) {
    commit.took(end, end + 1000 * kSlow);
    end += 1000 * kSlow;
    expect_pause(InlineCommit::kSlowPauseNsMax);
  }
  end += InlineCommit::kSlowPauseNsMax;
  commit.took(end, end + 1);
  EXPECT_TRUE(commit.is_due({.now_ns = end, .held = 1}));
}

}  // namespace
}  // namespace stator::server
