// Cutting a log at an LSN: what is there afterwards, what is refused, and what a crash leaves.
#include "wal/log_cut.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernel/wal/log_fixture.h"
#include "wal/recovery.h"

namespace stator::wal {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Three segments; LSNs of their batches: 1 | 2 3 | 4, 5 | 6 7 8, 9.
const std::vector<std::vector<std::string>> kCommits = {
    {"one"}, {"two", "three"}, {"four"}, {"five"}, {"six", "seven", "eight"}, {"nine"}};
const std::vector<std::uint64_t> kBoundaries = {0, 1, 3, 4, 5, 8, 9};
constexpr std::size_t kSegment = 3 * io::kBlockBytes;  // two commits each

CheckOptions options_of(std::uint64_t newest_held = 0) {
  return {
      .directory = kDirectory, .oldest_needed = 1, .newest_held = newest_held, .is_whole = false};
}

std::vector<std::string> payloads_up_to(std::uint64_t lsn) {
  std::vector<std::string> all;
  for (const auto& commit : kCommits) all.insert(all.end(), commit.begin(), commit.end());
  all.resize(lsn);
  return all;
}

void write_log(io::FaultyFileSystem& files) { write_commits(files, kCommits, kSegment); }

std::string path_of(std::uint64_t first) {
  return std::string(kDirectory) + "/" + segment_name(Lsn{first});
}

// The log ends with `lsn`, goes on behind it, and is whole after that.
void expect_ends_with(io::FaultyFileSystem& files, std::uint64_t lsn) {
  {
    const auto log = open_small_log(files, kSegment).take();
    ASSERT_EQ(log->last(), Lsn{lsn});
    ASSERT_EQ(read_all(*log).value(), payloads_up_to(lsn));
    BatchBuilder batch = batch_of({"after"});
    ASSERT_EQ(log->append(batch, 1).value(), Lsn{lsn + 1});
  }
  auto expected = payloads_up_to(lsn);
  expected.push_back("after");
  const auto log = open_small_log(files, kSegment).take();
  ASSERT_EQ(read_all(*log).value(), expected);
}

TEST(LogCutTest, EndsTheLogAtEveryBatchAndItGoesOn) {
  for (const std::uint64_t to : kBoundaries) {
    SCOPED_TRACE(to);
    io::FaultyFileSystem files;
    write_log(files);
    ASSERT_EQ(files.list(kDirectory).value().size(), 3u);
    const CutPlan plan = plan_cut(files, options_of(), Lsn{to}).take();
    EXPECT_EQ(plan.bytes() == 0, to == 9);
    ASSERT_TRUE(cut_log(files, plan).ok());
    EXPECT_TRUE(plan_cut(files, options_of(), Lsn{to}).value().is_empty());
    expect_ends_with(files, to);
  }
}

TEST(LogCutTest, InsideABatchNamesTheEndOfTheOneBefore) {
  io::FaultyFileSystem files;
  write_log(files);
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> inside = {{2, 1}, {6, 5}, {7, 5}};
  for (const auto& [lsn, nearest] : inside) {
    auto plan = plan_cut(files, options_of(), Lsn{lsn});
    ASSERT_FALSE(plan.ok()) << lsn;
    EXPECT_EQ(plan.error().code(), ErrorCode::kBadRequest);
    EXPECT_EQ(plan.error().field(), "to");
    EXPECT_THAT(plan.error().sentence(),
                HasSubstr("end of a batch below is LSN " + std::to_string(nearest)));
  }
}

TEST(LogCutTest, RefusesWhatTheLogDoesNotHold) {
  io::FaultyFileSystem files;
  write_log(files);
  auto plan = plan_cut(files, options_of(), Lsn{10});
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(plan.error().sentence(), HasSubstr("ends with LSN 9"));
}

TEST(LogCutTest, RefusesToCutBelowWhatAStoreHolds) {
  io::FaultyFileSystem files;
  write_log(files);
  auto plan = plan_cut(files, options_of(5), Lsn{4});
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(plan.error().sentence(), HasSubstr("the stores hold records up to LSN 5"));
  EXPECT_TRUE(plan_cut(files, options_of(5), Lsn{5}).ok());
}

TEST(LogCutTest, PlanningChangesNothing) {
  io::FaultyFileSystem files;
  write_log(files);
  const std::uint64_t changes = files.changes();
  ASSERT_TRUE(plan_cut(files, options_of(), Lsn{1}).ok());
  EXPECT_EQ(files.changes(), changes);
}

TEST(LogCutTest, SaysHowMuchItDrops) {
  io::FaultyFileSystem files;
  write_log(files);
  const CutPlan plan = plan_cut(files, options_of(), Lsn{1}).take();
  EXPECT_EQ(plan.removed.size(), 2u);
  EXPECT_GT(plan.bytes(), 4 * io::kBlockBytes);  // two headers, and what is behind the first batch
  EXPECT_THAT(plan.dropped(), HasSubstr(std::to_string(plan.bytes()) + " bytes, 2 whole segments"));
}

// Whatever is damaged: a cut at the last good LSN mends it, one above it is refused.
TEST(LogCutTest, MendsDamageInEverySegmentAndHeader) {
  const std::vector<std::pair<std::uint64_t, std::size_t>> places = {
      {1, 8}, {1, 2 * io::kBlockBytes + 100}, {4, 8}, {4, io::kBlockBytes + 70}, {6, 8}};
  const std::vector<std::uint64_t> last_good = {0, 1, 3, 3, 5};
  for (std::size_t i = 0; i < places.size(); ++i) {
    SCOPED_TRACE(i);
    io::FaultyFileSystem files;
    write_log(files);
    const std::string path = path_of(places[i].first);
    std::string bytes = files.content(path);
    bytes[places[i].second] ^= 4;
    files.set_content(path, bytes);
    auto refused = open_small_log(files, kSegment);
    ASSERT_FALSE(refused.ok());
    const std::string to = std::to_string(last_good[i]);
    EXPECT_THAT(refused.error().sentence(),
                HasSubstr("without the records above LSN " + to + ", which are lost"));
    EXPECT_THAT(refused.error().sentence(), HasSubstr("statord serve --recover-to " + to));
    EXPECT_THAT(refused.error().sentence(),
                HasSubstr("statord wal cut --data-dir '' --to " + to + " --yes"));
    auto above = plan_cut(files, options_of(), Lsn{9});
    ASSERT_FALSE(above.ok());
    EXPECT_THAT(above.error().sentence(), HasSubstr("is damaged behind LSN " + to));
    ASSERT_TRUE(cut_log(files, plan_cut(files, options_of(), Lsn{last_good[i]}).value()).ok());
    expect_ends_with(files, last_good[i]);
  }
}

TEST(LogCutTest, IsNotOfferedWhereAStoreHoldsMore) {
  io::FaultyFileSystem files;
  write_log(files);
  std::string bytes = files.content(path_of(4));
  bytes[8] ^= 4;
  files.set_content(path_of(4), bytes);
  auto log = open_local_log(files, {.directory = kDirectory,
                                    .segment_bytes = kSegment,
                                    .oldest_needed = 1,
                                    .is_made_ahead = false,
                                    .newest_held = 7});
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(),
              HasSubstr("hold records up to LSN 7, so the log cannot be cut there"));
  EXPECT_THAT(log.error().sentence(), testing::Not(HasSubstr("--recover-to")));
}

// After a clean stop every store holds everything: damage in what they hold costs nothing, if the
// log begins anew behind it. So does a lost beginning, and a lost end.
TEST(LogCutTest, BeginsAnewBehindWhatEveryStoreHolds) {
  const auto damage = [](io::FaultyFileSystem& files, std::uint64_t segment, std::size_t at) {
    std::string bytes = files.content(path_of(segment));
    bytes[at] ^= 4;
    files.set_content(path_of(segment), bytes);
  };
  const std::vector<std::function<void(io::FaultyFileSystem&)>> losses = {
      [&](io::FaultyFileSystem& files) { damage(files, 6, io::kBlockBytes + 70); },
      [&](io::FaultyFileSystem& files) { damage(files, 6, 8); },
      [&](io::FaultyFileSystem& files) { ASSERT_TRUE(files.remove(path_of(6)).ok()); },
      [&](io::FaultyFileSystem& files) {
        for (const std::uint64_t first : {1u, 4u, 6u}) ASSERT_TRUE(files.remove(path_of(first)).ok());
      },
  };
  CheckOptions options = options_of(9);
  options.oldest_needed = 10;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    for (std::uint64_t step = 1; step <= 12; ++step) {
      SCOPED_TRACE(std::to_string(i) + " " + std::to_string(step));
      io::FaultyFileSystem files;
      write_log(files);
      losses[i](files);
      auto refused = open_local_log(files, {.directory = kDirectory,
                                            .segment_bytes = kSegment,
                                            .oldest_needed = 10,
                                            .is_made_ahead = false,
                                            .newest_held = 9});
      ASSERT_FALSE(refused.ok());
      EXPECT_THAT(refused.error().sentence(), HasSubstr("--to 9 --yes"));
      EXPECT_FALSE(plan_cut(files, options, Lsn{10}).ok());
      // Also when the power goes on the way.
      const CutPlan plan = plan_cut(files, options, Lsn{9}).take();
      files.lose_power_at(step);
      static_cast<void>(cut_log(files, plan).ok());
      files.crash(static_cast<std::uint32_t>(step));
      ASSERT_TRUE(cut_log(files, plan_cut(files, options, Lsn{9}).value()).ok());
      {
        const auto log = open_small_log(files, kSegment, 10).take();
        ASSERT_EQ(log->last(), Lsn{9});
        BatchBuilder batch = batch_of({"after"});
        ASSERT_EQ(log->append(batch, 1).value(), Lsn{10});
      }
      const auto log = open_small_log(files, kSegment, 10).take();
      ASSERT_EQ(read_all(*log, Lsn{10}).value(), std::vector<std::string>{"after"});
    }
  }
}

TEST(LogCutTest, IsNotOfferedWhereTheBeginningOfATrimmedLogIsLost) {
  io::FaultyFileSystem files;
  write_log(files);
  ASSERT_TRUE(files.remove(path_of(1)).ok());
  std::string bytes = files.content(path_of(4));
  bytes[8] ^= 4;
  files.set_content(path_of(4), bytes);
  const auto options = [](std::uint64_t newest_held) {
    return LocalLogOptions{.directory = kDirectory,
                           .segment_bytes = kSegment,
                           .oldest_needed = 4,
                           .is_made_ahead = false,
                           .newest_held = newest_held};
  };
  auto one_is_ahead = open_local_log(files, options(5));
  ASSERT_FALSE(one_is_ahead.ok());
  EXPECT_THAT(one_is_ahead.error().sentence(),
              HasSubstr("nothing before it is there, so the log cannot be cut"));
  auto all_hold_the_same = open_local_log(files, options(3));
  ASSERT_FALSE(all_hold_the_same.ok());
  EXPECT_THAT(all_hold_the_same.error().sentence(), HasSubstr("--to 3 --yes"));
}

// The lane whose store is ahead would skip the records that get these LSNs anew.
TEST(LogCutTest, ALogThatEndsBeforeTheNewestStoreIsRefusedAndNotChanged) {
  io::FaultyFileSystem files;
  write_log(files);
  std::string bytes = files.content(path_of(6));
  const std::size_t last = bytes.find_last_not_of('\0');
  bytes[last] = static_cast<char>(bytes[last] ^ 1);  // looks like a torn commit
  files.set_content(path_of(6), bytes);
  auto log = open_local_log(files, {.directory = kDirectory,
                                    .segment_bytes = kSegment,
                                    .oldest_needed = 1,
                                    .is_made_ahead = false,
                                    .newest_held = 9});
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(),
              HasSubstr("ends with LSN 8, but the stores hold records up to LSN 9"));
  EXPECT_EQ(files.content(path_of(6)), bytes);
}

// The power goes at every step of a cut: the log is then as long as before, refuses, or is cut;
// cutting again always ends it.
// A file that somebody put there, under the name of an LSN that another segment holds: of this log,
// of another one, or empty. It is named, and no cut, which would take the good segments behind it.
TEST(LogCutTest, IsNotOfferedForAFileThatIsNoneOfTheLog) {
  for (const std::uint64_t content : {1u, 6u, 0u}) {
    for (const std::uint64_t held : {0u, 2u, 3u, 9u}) {
      io::FaultyFileSystem files;
      write_log(files);
      const std::string stray = path_of(3);
      ASSERT_TRUE(files.create(stray).ok());
      if (content != 0) files.set_content(stray, files.content(path_of(content)));
      CheckOptions options = options_of(held);
      if (held == 3) options.oldest_needed = 4;  // it would be the first that is looked at
      const LogCheck log = check_log(files, options).take();
      ASSERT_TRUE(log.damage) << content << " " << held;
      EXPECT_EQ(log.damage->path, stray);
      EXPECT_EQ(cut_target(options, log), std::nullopt);
      EXPECT_THAT(way_on(options, log), HasSubstr("move the file"));
      const std::uint64_t changes = files.changes();
      for (std::uint64_t to = 0; to < 12; ++to) {
        auto plan = plan_cut(files, options, Lsn{to});
        ASSERT_FALSE(plan.ok());
        EXPECT_THAT(plan.error().sentence(), HasSubstr(stray));
      }
      EXPECT_EQ(files.changes(), changes);
      ASSERT_TRUE(files.remove(stray).ok());
      expect_ends_with(files, 9);
    }
  }
}

// A whole segment of another log.
TEST(LogCutTest, WhichFileIsNoneOfTheLogIsSaidWhereItIsKnown) {
  io::FaultyFileSystem other;
  write_commits(other, {{"a", "b"}, {"c", "d"}, {"e", "f", "g"}, {"h"}}, kSegment);
  for (const std::uint64_t needed : {1u, 6u}) {  // 6: it is the first that is looked at
    io::FaultyFileSystem files;
    write_log(files);
    ASSERT_TRUE(files.create(path_of(5)).ok());
    files.set_content(path_of(5), other.content(path_of(5)));
    CheckOptions options = options_of(needed - 1);
    options.oldest_needed = needed;
    LogCheck log = check_log(files, options).take();
    ASSERT_TRUE(log.damage);
    EXPECT_EQ(log.damage->path, path_of(5)) << needed;
    EXPECT_THAT(log.damage->reason, HasSubstr("the file is none"));
    EXPECT_EQ(cut_target(options, log), std::nullopt);
    // Before all others: nothing says which one it is.
    ASSERT_TRUE(files.remove(path_of(5)).ok());
    files.set_content(path_of(1), other.content(path_of(1)));
    log = check_log(files, options_of()).take();
    ASSERT_TRUE(log.damage);
    EXPECT_THAT(log.damage->reason, AllOf(HasSubstr(path_of(1)), HasSubstr("one of the two")));
    EXPECT_EQ(cut_target(options, log), std::nullopt);
  }
}

TEST(LogCutTest, CanBeDoneAgainAfterACrash) {
  for (const std::uint64_t to : kBoundaries) {
    for (std::uint64_t step = 1; step <= 6; ++step) {
      for (std::uint32_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE(std::to_string(to) + " " + std::to_string(step) + " " + std::to_string(seed));
        io::FaultyFileSystem files;
        write_log(files);
        const CutPlan plan = plan_cut(files, options_of(), Lsn{to}).take();
        files.lose_power_at(step);
        static_cast<void>(cut_log(files, plan).ok());
        files.crash(seed);
        auto again = plan_cut(files, options_of(), Lsn{to});
        ASSERT_TRUE(again.ok()) << again.error().sentence();
        ASSERT_TRUE(cut_log(files, again.value()).ok());
        expect_ends_with(files, to);
      }
    }
  }
}

}  // namespace
}  // namespace stator::wal
