// What opening makes of a log that a crash or a bad disk left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "unit/kernel/wal/log_fixture.h"
#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFirstSegment = std::string(kDirectory) + "/00000000000000000001.wal";

// Makes a commit of other batches in the place of one.
void seal_again(std::string& segment, const Place& place, ByteView batches) {
  SegmentReader reader = SegmentReader::open(segment, kFirstSegment, nullptr).take();
  CommitCodec codec = reader.take_codec();
  std::string commit(kCommitHeaderBytes, '\0');
  commit.append(batches);
  codec.seal(commit.data(), commit.size(), Lsn{2}, place.begin);
  segment.replace(place.begin, commit.size(), commit);
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

// A log that is plain, or encrypted.
class LogKindTest : public testing::TestWithParam<bool> {
 protected:
  LogKindTest() {
    if (GetParam()) activate(keys_, 1);
  }
  KeyRing keys_;
};

using TornTailTest = LogKindTest;

TEST_P(TornTailTest, IsCutAtEveryByteOfTheLastCommit) {
  io::FaultyFileSystem original;
  write_commits(original, {{"first"}, {"second", "third"}, {"the last one"}}, kLargeSegment,
                &keys_);
  const std::string whole = original.content(kFirstSegment);
  const auto places = places_of(whole, &keys_);
  ASSERT_EQ(places.size(), 3u);
  for (std::size_t cut = places[2].begin; cut < places[2].end; ++cut) {
    for (const bool has_zeros_behind : {true, false}) {
      io::FaultyFileSystem files;
      ASSERT_TRUE(files.create(kFirstSegment).ok());
      std::string torn = whole.substr(0, cut);
      if (has_zeros_behind) torn.resize(whole.size());
      if (torn == whole) continue;  // the cut took only zeros
      files.set_content(kFirstSegment, torn);
      {
        const auto log = open_small_log(files, kLargeSegment, 1, &keys_).take();
        ASSERT_THAT(read_all(*log).value(), ElementsAre("first", "second", "third")) << cut;
        // Without its whole header it looks like one that was never written.
        const auto header_of = [&](const std::string& bytes) {
          return bytes.size() < places[2].begin ? ""
                                                : bytes.substr(places[2].begin, kCommitHeaderBytes);
        };
        ASSERT_EQ(log->torn_bytes() > 0, header_of(torn) == header_of(whole)) << cut;
        BatchBuilder batch = batch_of({"after"});
        ASSERT_EQ(log->append(batch, 1).value(), Lsn{4});
      }
      const auto log = open_small_log(files, kLargeSegment, 1, &keys_).take();
      ASSERT_THAT(read_all(*log).value(), ElementsAre("first", "second", "third", "after")) << cut;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Encrypted, TornTailTest, testing::Bool());

using BitFlipTest = LogKindTest;

// Whatever bit of a segment turns: opening cuts the last commit or refuses; what it serves is what
// was written.
TEST_P(BitFlipTest, IsNeverServed) {
  io::FaultyFileSystem original;
  write_commits(original, {{"one"}, {"two", "three"}, {"four"}}, 5 * io::kBlockBytes, &keys_);
  const std::string whole = original.content(kFirstSegment);
  const auto places = places_of(whole, &keys_);
  ASSERT_EQ(places.size(), 3u);
  const std::vector<std::string> expected{"one", "two", "three", "four"};
  const auto is_in = [](std::size_t byte, const Place& place) {
    return byte >= place.begin && byte < place.end;
  };
  // Every bit of what was written, one bit in some of the zeros.
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += whole[bit / 8] != 0 ? 1u : 61u) {
    const std::size_t byte = bit / 8;
    io::FaultyFileSystem files;
    std::string flipped = whole;
    flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit % 8));
    ASSERT_TRUE(files.create(kFirstSegment).ok());
    files.set_content(kFirstSegment, flipped);
    auto log = open_small_log(files, 5 * io::kBlockBytes, 1, &keys_);
    // In the header or in a commit that another one followed.
    if (byte < io::kBlockBytes || is_in(byte, places[0]) || is_in(byte, places[1])) {
      ASSERT_FALSE(log.ok()) << bit;
      EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted) << bit << log.error().sentence();
      EXPECT_THAT(log.error().sentence(), HasSubstr(kFirstSegment + ", offset ")) << bit;
      EXPECT_THAT(log.error().sentence(), HasSubstr("the last good LSN is ")) << bit;
      EXPECT_EQ(files.content(kFirstSegment), flipped) << "a refused log was changed";
      continue;
    }
    // What stands between commits means nothing: it may be what the file held before.
    ASSERT_TRUE(log.ok()) << bit << log.error().sentence();
    const std::size_t kept = is_in(byte, places[2]) ? 3 : 4;
    ASSERT_EQ(read_all(*log.value()).value(),
              std::vector<std::string>(expected.begin(),
                                       expected.begin() + static_cast<std::ptrdiff_t>(kept)))
        << bit;
  }
}

INSTANTIATE_TEST_SUITE_P(Encrypted, BitFlipTest, testing::Bool());

TEST(MidLogDamageTest, IsRefusedWithItsPlace) {
  io::FaultyFileSystem files;
  write_commits(files, {{"one"}, {"two"}, {"three"}});
  std::string bytes = files.content(kFirstSegment);
  const auto places = places_of(bytes);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(places[1].begin),
              places[1].end - places[1].begin, '\0');
  files.set_content(kFirstSegment, bytes);
  auto log = open_small_log(files);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted);
  EXPECT_THAT(log.error().sentence(), HasSubstr("segment " + kFirstSegment + ", offset " +
                                                std::to_string(places[1].begin)));
  EXPECT_THAT(log.error().sentence(),
              HasSubstr("a later commit follows at offset " + std::to_string(places[2].begin)));
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
    for (const std::size_t at :
         {std::size_t{0}, kSegmentHeaderBytes, io::kBlockBytes, io::kBlockBytes + 1000}) {
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

// A commit is there as a whole or not at all: nobody was promised a part of it.
TEST(TornCommitTest, IsCutAsAWhole) {
  io::FaultyFileSystem files;
  write_commits(files, {{"zero"}});
  write_one_commit(files, {"one", "two", "three"});
  std::string bytes = files.content(kFirstSegment);
  const auto places = places_of(bytes);
  ASSERT_EQ(places.size(), 2u);
  bytes[places[1].end - 1] ^= 1;
  files.set_content(kFirstSegment, bytes);
  const auto log = open_small_log(files).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre("zero"));
}

// Clients choose payloads: one that looks like a later commit at its very place proves nothing,
// because clients do not know the segment's salt. Neither does what the file held before.
TEST(TornCommitTest, WithACommitInsideAPayloadIsCut) {
  io::FaultyFileSystem other;
  write_commits(other, {{"one"}, {"two"}, {"three"}});
  const std::string twin = other.content(kFirstSegment);
  const Place later = places_of(twin)[2];
  // Headers of commit, batch and record, and the collection: then it lies at its offset.
  constexpr std::size_t kBefore = io::kBlockBytes + 64 + 64 + 24 + 1;
  std::string payload(later.begin - kBefore, 'x');
  payload += twin.substr(later.begin, io::kBlockBytes);
  io::FaultyFileSystem files;
  write_one_commit(files, {payload + "end"});
  std::string bytes = files.content(kFirstSegment);
  ASSERT_EQ(bytes.compare(later.begin, 8, twin, later.begin, 8), 0)
      << "it is not where it should be";
  bytes[io::kBlockBytes + 200] ^= 1;
  files.set_content(kFirstSegment, bytes);
  EXPECT_THAT(read_all(*open_small_log(files).value()).value(), testing::IsEmpty());
}

TEST(ForeignBatchTest, OfANewerFormatIsRefusedAndNotCut) {
  io::FaultyFileSystem files;
  write_commits(files, {{"one"}, {"two"}});
  std::string bytes = files.content(kFirstSegment);
  const Place place = places_of(bytes)[1];
  std::string batch =
      bytes.substr(place.begin + kCommitHeaderBytes, place.end - place.begin - kCommitHeaderBytes);
  batch[4] = 2;
  store_little(batch.data() + 60, crc32c(ByteView(batch).substr(0, 60)));
  seal_again(bytes, place, batch);
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
  const Place place = places_of(bytes)[1];
  seal_again(
      bytes, place,
      other.content(kFirstSegment)
          .substr(place.begin + kCommitHeaderBytes, place.end - place.begin - kCommitHeaderBytes));
  files.set_content(kFirstSegment, bytes);
  auto log = open_small_log(files);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(), HasSubstr("it continues another log"));
}

TEST(ForeignSegmentTest, OfAnEarlierBuildIsRefusedAndNotCut) {
  std::string bytes(2 * io::kBlockBytes, '\0');
  store_little(bytes.data(), 0x47455353u);
  bytes[4] = 2;
  bytes[16] = 1;
  store_little(bytes.data() + 60, crc32c(ByteView(bytes).substr(0, 60)));
  io::FaultyFileSystem files;
  ASSERT_TRUE(files.create(kFirstSegment).ok());
  files.set_content(kFirstSegment, bytes);
  auto log = open_small_log(files);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(), HasSubstr("segment format 2 is that of a build before"));
  EXPECT_THAT(log.error().sentence(), HasSubstr("nothing is cut"));
}

// A segment gets its name when its header is durable: what was being made before that is no part of
// the log, and one with a name and a bad header is damaged.
TEST(InterruptedCreationTest, IsForgotten) {
  for (const std::string& content :
       {std::string(), std::string(4096, '\0'), std::string(5000, 'x')}) {
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
