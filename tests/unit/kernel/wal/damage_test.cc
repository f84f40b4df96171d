// What opening makes of a log that a crash or a bad disk left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "unit/kernel/wal/log_fixture.h"
#include "wal/segment.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFirstSegment = std::string(kDirectory) + "/00000000000000000001.wal";

// Where the batches of a segment begin, and where the last one ends.
std::vector<std::size_t> offsets_of(const std::string& segment) {
  std::vector<std::size_t> offsets;
  std::size_t behind = 0;
  LogPosition position;
  auto end = walk_segment(segment, position, [&](BatchReader& batch, std::size_t offset) {
    offsets.push_back(offset);
    behind = offset + batch.size();
    return ok_status();
  });
  EXPECT_TRUE(end.ok());
  offsets.push_back(behind);
  return offsets;
}

// One commit of several batches: all are staged before the writer takes them.
void write_one_commit(io::FaultyFileSystem& files, const std::vector<std::string>& payloads) {
  const auto log = open_small_log(files).take();
  for (const std::string& payload : payloads) {
    BatchBuilder batch = batch_of({payload});
    ASSERT_TRUE(log->append(batch, 1).ok());
  }
  log->close();
}

TEST(TornTailTest, IsCutAtEveryByteOfTheLastBatch) {
  io::FaultyFileSystem original;
  write_commits(original, {{"first"}, {"second", "third"}, {"the last one"}});
  const std::string whole = original.content(kFirstSegment);
  const auto offsets = offsets_of(whole);
  ASSERT_EQ(offsets.size(), 4u);
  for (std::size_t cut = offsets[2]; cut < offsets[3]; ++cut) {
    for (const bool has_zeros_behind : {true, false}) {
      io::FaultyFileSystem files;
      ASSERT_TRUE(files.create(kFirstSegment).ok());
      std::string torn = whole.substr(0, cut);
      if (has_zeros_behind) torn.resize(whole.size());
      if (torn == whole) continue;  // the cut took only zeros of the padding
      files.set_content(kFirstSegment, torn);
      {
        const auto log = open_small_log(files).take();
        ASSERT_THAT(read_all(*log).value(), ElementsAre("first", "second", "third")) << cut;
        BatchBuilder batch = batch_of({"after"});
        ASSERT_EQ(log->append(batch, 1).value(), Lsn{4});
      }
      const auto log = open_small_log(files).take();
      ASSERT_THAT(read_all(*log).value(), ElementsAre("first", "second", "third", "after")) << cut;
    }
  }
}

// Whatever bit of a segment turns: opening cuts the last commit or refuses; what it serves is what
// was written.
TEST(BitFlipTest, IsNeverServed) {
  io::FaultyFileSystem original;
  write_commits(original, {{"one"}, {"two", "three"}, {"four"}}, 5 * io::kBlockBytes);
  const std::string whole = original.content(kFirstSegment);
  const auto offsets = offsets_of(whole);
  const std::vector<std::string> expected{"one", "two", "three", "four"};
  // Every bit of what was written, one bit in some of the zeros.
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += whole[bit / 8] != 0 ? 1u : 131u) {
    io::FaultyFileSystem files;
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(files.create(kFirstSegment).ok());
    files.set_content(kFirstSegment, flipped);
    auto log = open_small_log(files, 5 * io::kBlockBytes);
    if (bit / 8 < offsets[2]) {  // in the header or in a commit that another one followed
      ASSERT_FALSE(log.ok()) << bit;
      EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted) << bit;
      EXPECT_THAT(log.error().sentence(), HasSubstr(kFirstSegment + ", offset ")) << bit;
      EXPECT_THAT(log.error().sentence(), HasSubstr("the last good LSN is ")) << bit;
      EXPECT_EQ(files.content(kFirstSegment), flipped) << "a refused log was changed";
      continue;
    }
    ASSERT_TRUE(log.ok()) << bit << log.error().sentence();
    const auto all = read_all(*log.value()).value();
    const std::size_t kept = bit / 8 < offsets[3] ? 3 : 4;
    ASSERT_EQ(all, std::vector<std::string>(expected.begin(),
                                            expected.begin() + static_cast<std::ptrdiff_t>(kept)))
        << bit;
  }
}

TEST(MidLogDamageTest, IsRefusedWithItsPlace) {
  io::FaultyFileSystem files;
  write_commits(files, {{"one"}, {"two"}, {"three"}});
  std::string bytes = files.content(kFirstSegment);
  const auto offsets = offsets_of(bytes);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[1]), offsets[2] - offsets[1],
              '\0');
  files.set_content(kFirstSegment, bytes);
  auto log = open_small_log(files);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted);
  EXPECT_THAT(log.error().sentence(),
              HasSubstr("segment " + kFirstSegment + ", offset " + std::to_string(offsets[1])));
  EXPECT_THAT(log.error().sentence(),
              HasSubstr("a later commit follows at offset " + std::to_string(offsets[2])));
  EXPECT_THAT(log.error().sentence(), HasSubstr("the last good LSN is 1"));
}

TEST(MidLogDamageTest, InAnOlderSegmentIsRefused) {
  io::FaultyFileSystem original;
  const std::string big(1500, 'b');
  write_commits(original, {{big}, {big}, {big}}, kSmallSegment);
  const auto names = original.list(kDirectory).value();
  ASSERT_EQ(names.size(), 3u);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string path = std::string(kDirectory) + "/" + names[i];
    const std::string good = original.content(path);
    for (const std::size_t at : {std::size_t{0}, kSegmentHeaderBytes, io::kBlockBytes, io::kBlockBytes + 1000}) {
      std::string bad = good;
      bad[at] ^= 1;
      original.set_content(path, bad);
      auto log = open_small_log(original, kSmallSegment);
      ASSERT_FALSE(log.ok()) << i << at;
      EXPECT_THAT(log.error().sentence(), HasSubstr(path + ", offset ")) << i << at;
      EXPECT_THAT(log.error().sentence(), HasSubstr("last good LSN is " + std::to_string(i)));
    }
    original.set_content(path, good.substr(0, 1000));
    EXPECT_FALSE(open_small_log(original, kSmallSegment).ok());
    original.set_content(path, good);
  }
  EXPECT_TRUE(open_small_log(original, kSmallSegment).ok());
}

// A power cut may keep the later pages of one write and lose the earlier ones. Nobody was promised
// any of them: that is a torn tail, though a good batch follows.
TEST(TornCommitTest, WithALaterBatchOfTheSameCommitIsCut) {
  io::FaultyFileSystem files;
  write_one_commit(files, {"one", "two", "three"});
  std::string bytes = files.content(kFirstSegment);
  const auto offsets = offsets_of(bytes);
  ASSERT_EQ(offsets.size(), 4u);
  bytes[offsets[1] + 70] ^= 1;
  files.set_content(kFirstSegment, bytes);
  const auto log = open_small_log(files).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre("one"));
}

// Clients choose payloads: one that looks like a later commit proves nothing.
TEST(TornCommitTest, WithABatchInsideAPayloadIsCut) {
  BatchBuilder inner = batch_of({"inner"});
  BatchSealer::seal(inner, {.first = Lsn{100}, .durable_before = Lsn{100}});
  io::FaultyFileSystem files;
  // 64 of header, 24 of record header, 1 of collection: 7 bytes make the payload's batch aligned.
  write_one_commit(files, {"one", "1234567" + std::string(inner.bytes()) + "end"});
  std::string bytes = files.content(kFirstSegment);
  const auto offsets = offsets_of(bytes);
  bytes[offsets[2] - 9] ^= 1;
  files.set_content(kFirstSegment, bytes);
  const auto log = open_small_log(files).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre("one"));
}

TEST(ForeignBatchTest, OfANewerFormatIsRefusedAndNotCut) {
  io::FaultyFileSystem files;
  write_commits(files, {{"one"}, {"two"}});
  std::string bytes = files.content(kFirstSegment);
  const std::size_t at = offsets_of(bytes)[1];
  bytes[at + 4] = 2;
  store_little(bytes.data() + at + 60, crc32c(ByteView(bytes).substr(at, 60)));
  files.set_content(kFirstSegment, bytes);
  auto log = open_small_log(files);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(), HasSubstr("format 2 is not known"));
  EXPECT_EQ(files.content(kFirstSegment), bytes);
}

TEST(ForeignBatchTest, OfAnotherLogIsRefused) {
  io::FaultyFileSystem files;
  io::FaultyFileSystem other;
  write_commits(files, {{"one"}, {"two"}});
  write_commits(other, {{"One"}, {"Two"}});
  std::string bytes = files.content(kFirstSegment);
  const auto offsets = offsets_of(bytes);
  bytes.replace(offsets[1], offsets[2] - offsets[1], other.content(kFirstSegment), offsets[1],
                offsets[2] - offsets[1]);
  files.set_content(kFirstSegment, bytes);
  auto log = open_small_log(files);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(), HasSubstr("it continues another log"));
}

// A segment gets its name when its header is durable: what was being made before that is no part of
// the log, and one with a name and a bad header is damaged.
TEST(InterruptedCreationTest, IsForgotten) {
  for (const std::string& content : {std::string(), std::string(4096, '\0'), std::string(5000, 'x')}) {
    io::FaultyFileSystem files;
    write_commits(files, {{"one"}}, kSmallSegment);
    const std::string next = std::string(kDirectory) + "/" + kNextSegmentName;
    ASSERT_TRUE(files.create(next).ok());
    files.set_content(next, content);
    {
      const auto log = open_small_log(files, kSmallSegment).take();
      ASSERT_THAT(read_all(*log).value(), ElementsAre("one"));
      BatchBuilder batch = batch_of({std::string(5000, 'x')});
      ASSERT_TRUE(log->append(batch, 1).ok());
    }
    EXPECT_EQ(open_small_log(files, kSmallSegment).take()->last(), Lsn{2});
  }
}

TEST(InterruptedCreationTest, HeaderOfANamedSegmentIsDamaged) {
  io::FaultyFileSystem files;
  write_commits(files, {{"one"}, {"two"}});
  const std::string path = std::string(kDirectory) + "/00000000000000000003.wal";
  ASSERT_TRUE(files.create(path).ok());
  files.set_content(path, std::string(4096, '\0'));
  auto log = open_small_log(files, kLargeSegment, 3);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(), HasSubstr(path + ", offset 0"));
}

struct Acknowledged {
  std::vector<std::string> appended;
  std::size_t count = 0;    // of them, acknowledged
  std::size_t trimmed = 0;  // of those, no longer needed
};

// The log is plain, or encrypted with keys that change on the way.
class PowerLossTest : public testing::TestWithParam<bool> {};

// Commits of one to three batches over several segments, with a trim, until the power goes.
Acknowledged run_until_power_goes(io::FaultyFileSystem& files, KeyRing& keys) {
  Acknowledged result;
  const bool is_encrypted = PowerLossTest::GetParam();
  if (is_encrypted) activate(keys, 1);
  auto opened = open_small_log(files, kSmallSegment, 1, &keys);
  if (!opened.ok()) return result;
  const auto log = opened.take();
  LogWaiter waiter(*log);
  for (std::size_t i = 0; i < 12; ++i) {
    if (is_encrypted && i % 3 == 1) activate(keys, static_cast<unsigned>(i / 3) % 3);
    for (std::size_t batches = 0; batches <= i % 3; ++batches) {
      const std::string payload(100 + 150 * ((i + batches) % 5), "abcdefghijkl"[i]);
      BatchBuilder batch = batch_of({payload + std::to_string(batches)});
      if (!log->append(batch, 1).ok()) break;
      result.appended.push_back(payload + std::to_string(batches));
    }
    if (!waiter.wait_durable(log->last())) break;
    if (i % 4 != 3) continue;
    result.trimmed = log->durable().value() - i / 4 % 2;
    log->trim(Lsn{result.trimmed + 1});
  }
  log->close();
  result.count = log->durable().value();
  return result;
}

// The power goes at every change of the disk in turn; each time several outcomes of what the disk
// kept are opened.
TEST_P(PowerLossTest, NeverLosesWhatWasAcknowledgedAndNeverRefuses) {
  io::FaultyFileSystem counting;
  KeyRing unused;
  const auto all = run_until_power_goes(counting, unused);
  ASSERT_EQ(all.count, all.appended.size());
  const std::uint64_t changes = counting.changes();
  ASSERT_GT(changes, 40u);
  std::size_t partial = 0;
  for (std::uint64_t step = 1; step <= changes; ++step) {
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
      io::FaultyFileSystem files;
      files.lose_power_at(step);
      KeyRing keys;
      const auto before = run_until_power_goes(files, keys);
      files.crash(seed);
      auto log = open_small_log(files, kSmallSegment, before.trimmed + 1, &keys);
      ASSERT_TRUE(log.ok()) << step << " " << seed << ": " << log.error().sentence();
      const auto found = read_all(*log.value(), Lsn{before.trimmed + 1}).value();
      const std::size_t end = before.trimmed + found.size();
      ASSERT_EQ(log.value()->last(), Lsn{end});
      ASSERT_GE(end, before.count) << step << " " << seed;
      ASSERT_LE(end, before.appended.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i], before.appended[before.trimmed + i]);
      }
      if (end > before.count) ++partial;
    }
  }
  EXPECT_GT(partial, 0u);  // the disk did keep unsynced writes now and then
}

INSTANTIATE_TEST_SUITE_P(Encrypted, PowerLossTest, testing::Bool());

}  // namespace
}  // namespace stator::wal
