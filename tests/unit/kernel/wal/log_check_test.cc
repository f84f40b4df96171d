// Checking a log without changing it.
#include "wal/log_check.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernel/wal/log_fixture.h"
#include "wal/recovery.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;

constexpr std::size_t kSegment = 3 * io::kBlockBytes;

void write_log(io::FaultyFileSystem& files) {
  write_commits(files, {{"one"}, {"two", "three"}, {"four"}, {"five"}, {"six"}}, kSegment);
}

CheckOptions whole() {
  return {.directory = kDirectory, .oldest_needed = 1, .newest_held = 0, .is_whole = true};
}

TEST(LogCheckTest, CountsAWholeLogAndShowsItsRecords) {
  io::FaultyFileSystem files;
  write_log(files);
  const std::uint64_t changes = files.changes();
  std::vector<std::string> payloads;
  CheckOptions options = whole();
  options.on_record = [&](const RecordView& record, Lsn) { payloads.emplace_back(record.payload); };
  const LogCheck log = check_log(files, options).take();
  EXPECT_EQ(log.segments.size(), 3u);
  EXPECT_EQ(log.begin, Lsn{1});
  EXPECT_EQ(log.last_good(), Lsn{6});
  EXPECT_EQ(log.batches, 5u);
  EXPECT_EQ(log.records, 6u);
  EXPECT_FALSE(log.torn || log.damage);
  EXPECT_THAT(payloads, ElementsAre("one", "two", "three", "four", "five", "six"));
  EXPECT_EQ(files.changes(), changes);
}

// Every bit of every segment: found, or in the last commit, where it looks like a torn one. Nothing
// is changed either way.
TEST(LogCheckTest, FindsEveryTurnedBit) {
  io::FaultyFileSystem files;
  write_log(files);
  const std::vector<Segment> segments = find_segments(files, kDirectory).take();
  ASSERT_EQ(segments.size(), 3u);
  for (const Segment& segment : segments) {
    const std::string good = files.content(segment.path);
    const bool is_last = segment.first == Lsn{6};
    const std::vector<Place> places = places_of(good);
    for (std::size_t bit = 0; bit < good.size() * 8; bit += good[bit / 8] != 0 ? 1u : 97u) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
      files.set_content(segment.path, bad);
      const std::uint64_t changes = files.changes();
      const LogCheck log = check_log(files, whole()).take();
      ASSERT_EQ(files.changes(), changes);
      const bool is_written = std::any_of(places.begin(), places.end(), [&](const Place& place) {
        return bit / 8 >= place.begin && bit / 8 < place.end;
      });
      if (bit / 8 >= io::kBlockBytes && !is_written) {
        ASSERT_TRUE(!log.damage && !log.torn) << "between commits nothing is read: " << bit;
        continue;
      }
      if (is_last && bit / 8 >= io::kBlockBytes) {
        // With a header that is not good it looks like one that was never written.
        const bool is_header = bit / 8 < places.back().begin + kCommitHeaderBytes;
        ASSERT_TRUE(log.torn || is_header) << bit;
        ASSERT_EQ(log.last_good(), Lsn{5}) << bit;
        continue;
      }
      ASSERT_TRUE(log.damage) << segment.path << " " << bit;
      ASSERT_EQ(log.damage->path, segment.path);
      ASSERT_LE(log.damage->offset, bit / 8);
      ASSERT_LT(log.last_good(), Lsn{6});
    }
    files.set_content(segment.path, good);
  }
}

TEST(LogCheckTest, DamageBeforeWhatIsNeededIsSeenOnlyWhenEverythingIsLookedAt) {
  io::FaultyFileSystem files;
  write_log(files);
  const std::string path = find_segments(files, kDirectory).value().front().path;
  std::string bad = files.content(path);
  bad[io::kBlockBytes + 70] ^= 1;
  files.set_content(path, bad);
  CheckOptions options = whole();
  options.oldest_needed = 6;
  EXPECT_TRUE(check_log(files, options).value().damage);
  options.is_whole = false;
  const LogCheck needed = check_log(files, options).take();
  EXPECT_FALSE(needed.damage);
  EXPECT_GT(needed.begin, Lsn{1});
}

LogCheck damaged_behind(std::uint64_t last_good) {
  LogCheck check;
  check.segments = {{Lsn{1}, "x"}};
  check.damage = LogFault{"x", 4096, "broken", false, 0};
  check.position.next = Lsn{last_good + 1};
  return check;
}

CheckOptions stores(std::uint64_t oldest_needed, std::uint64_t newest_held) {
  return {.directory = "/d/wal",
          .oldest_needed = oldest_needed,
          .newest_held = newest_held,
          .is_whole = false};
}

TEST(CutTargetTest, IsTheLastGoodRecordUnlessAStoreHoldsMore) {
  EXPECT_EQ(cut_target(stores(1, 0), damaged_behind(7)), Lsn{7});
  EXPECT_EQ(cut_target(stores(3, 7), damaged_behind(7)), Lsn{7});
  EXPECT_EQ(cut_target(stores(3, 8), damaged_behind(7)), std::nullopt);
}

TEST(CutTargetTest, IsWhatEveryStoreHoldsWhereTheDamageIsBeforeIt) {
  EXPECT_EQ(cut_target(stores(9, 8), damaged_behind(7)), Lsn{8});
  EXPECT_THAT(way_on(stores(9, 8), damaged_behind(7)),
              testing::HasSubstr("records above LSN 8, up to which the stores hold everything"));
}

TEST(CutTargetTest, IsNoneForANewerVersion) {
  LogCheck check = damaged_behind(7);
  check.damage->is_foreign = true;
  EXPECT_EQ(cut_target(stores(1, 0), check), std::nullopt);
  EXPECT_THAT(way_on(stores(1, 0), check), testing::HasSubstr("nothing is cut"));
}

TEST(CutCommandTest, IsOneThatAShellTakes) {
  EXPECT_EQ(cut_command("/var/lib/stator/wal", Lsn{7}),
            "statord wal cut --data-dir /var/lib/stator --to 7 --yes");
  EXPECT_EQ(cut_command("/my data/it's/wal", Lsn{7}),
            "statord wal cut --data-dir '/my data/it'\\''s' --to 7 --yes");
}

// Several are on their way before the first is read, and none that nobody needs.
TEST(LogCheckTest, SegmentsAreFetchedAheadOfTheirReading) {
  io::FaultyFileSystem files;
  write_commits(files, std::vector<std::vector<std::string>>(9, {"one"}), kSmallSegment);
  ASSERT_EQ(find_segments(files, kDirectory).value().size(), 9u);
  CheckOptions options = whole();
  options.is_whole = false;
  options.oldest_needed = 3;  // the second segment tells where it begins
  const std::uint64_t reads = files.calls(io::Point::kReadAt);
  const std::size_t before = files.fetched_after().size();
  EXPECT_EQ(check_log(files, options).value().last_good(), Lsn{9});
  std::vector<std::uint64_t> fetched = files.fetched_after();
  fetched.erase(fetched.begin(), fetched.begin() + static_cast<std::ptrdiff_t>(before));
  ASSERT_EQ(fetched.size(), 8u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(fetched[i], reads);
  for (std::size_t i = 4; i < 8; ++i) EXPECT_GT(fetched[i], fetched[i - 1]);
}

// A segment is read through a window that is smaller than it; a commit may be larger.
TEST(LogCheckTest, CommitsOfAnySizeAreReadWhereverTheyLie) {
  std::mt19937 random(7);
  std::vector<std::vector<std::string>> commits;
  for (int i = 0; i < 30; ++i) {
    const std::size_t bytes = i == 9 ? 1'500'000 : 1 + random() % 200'000;
    commits.push_back({std::string(bytes, static_cast<char>('a' + i % 26))});
  }
  constexpr std::size_t kWide = 16u * 1024 * 1024;
  for (const bool is_encrypted : {false, true}) {
    io::FaultyFileSystem files;
    KeyRing keys;
    activate(keys, is_encrypted ? 1 : 0);
    write_commits(files, commits, kWide, &keys);
    CheckOptions options = whole();
    options.keys = &keys;
    std::size_t at = 0;
    options.on_record = [&](const RecordView& record, Lsn) {
      EXPECT_EQ(record.payload, commits[at++][0]);
    };
    const LogCheck log = check_log(files, options).take();
    EXPECT_EQ(log.last_good(), Lsn{30});
    EXPECT_FALSE(log.torn || log.damage);
    EXPECT_EQ(at, commits.size());
    EXPECT_EQ(read_all(*open_small_log(files, kWide, 1, &keys).value()).value().size(), 30u);
    // Far behind the first window: damage, for later commits follow; in the last commit it is torn.
    const std::string path = log.segments.back().path;
    const std::string good = files.content(path);
    for (const bool is_last : {false, true}) {
      std::string bad = good;
      char& byte = bad[is_last ? good.find_last_not_of('\0') : log.offset / 2];
      byte = static_cast<char>(byte ^ 1);
      files.set_content(path, bad);
      options.on_record = {};
      const LogCheck found = check_log(files, options).take();
      EXPECT_EQ(found.damage.has_value(), !is_last);
      EXPECT_EQ(found.torn.has_value(), is_last);
      EXPECT_EQ(block_end(found.torn.value_or(LogFault{}).end), is_last ? log.offset : 0);
    }
  }
}

}  // namespace
}  // namespace stator::wal
