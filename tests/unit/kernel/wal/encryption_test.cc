// An encrypted log: what can be read with which keys, what a changed byte does, and that no nonce
// is ever used twice. docs/adr/0015-encryption.md
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "unit/kernel/wal/log_fixture.h"
#include "wal/local_log_reader.h"
#include "wal/log_check.h"
#include "wal/log_copy.h"
#include "wal/log_cut.h"
#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Payloads = std::vector<std::string>;

const std::string kFirstSegment = std::string(kDirectory) + "/00000000000000000001.wal";
constexpr std::size_t kBlock = io::kBlockBytes;
// In the header of a commit.
constexpr std::size_t kAtNonce = 20;
// In the header of a segment.
constexpr std::size_t kAtSalt = 64;

class EncryptionTest : public testing::Test {
 protected:
  EncryptionTest() { activate(keys_, 1); }

  void write(const std::vector<Payloads>& commits, std::size_t segment_bytes = kLargeSegment) {
    write_commits(files_, commits, segment_bytes, &keys_);
  }
  Result<std::unique_ptr<Log>> open(std::size_t segment_bytes = kLargeSegment) {
    return open_small_log(files_, segment_bytes, 1, &keys_);
  }
  Payloads payloads() { return read_all(*open().take()).value(); }
  // The key of each segment, oldest first; 0: plain.
  std::vector<unsigned> keys_of_segments() {
    std::vector<unsigned> numbers;
    for (const Segment& segment : find_segments(files_, kDirectory).take()) {
      const std::string bytes = files_.content(segment.path);
      numbers.push_back(read_segment_header(bytes).value().key.value_or(KeyId{}).value());
    }
    return numbers;
  }
  // Whether a file of the log holds these bytes.
  bool holds(const std::string& text) {
    for (const std::string& name : files_.list(kDirectory).take()) {
      if (files_.content(std::string(kDirectory) + "/" + name).find(text) != std::string::npos)
        return true;
    }
    return false;
  }
  // Exchanges a file for one that another test made or changed.
  void put(const std::string& path, const std::string& bytes) {
    if (!files_.exists(path).value()) {
      ASSERT_TRUE(files_.create(path).ok());
    }
    files_.set_content(path, bytes);
  }

  io::FaultyFileSystem files_;
  KeyRing keys_;
  std::uint64_t first_ = 1;  // LSN from which on the log is there
};

TEST_F(EncryptionTest, GivesBackWhatWasAppendedAndShowsNothingOfIt) {
  const std::string secret = "the quick brown fox";
  write({{secret, "b"}, {"c"}, {secret}});
  EXPECT_THAT(payloads(), ElementsAre(secret, "b", "c", secret));
  EXPECT_FALSE(holds(secret.substr(0, 8)));
  EXPECT_FALSE(holds("SWAL")) << "a batch's header";
  EXPECT_FALSE(holds(std::string(32, '\x11'))) << "the key";
  EXPECT_THAT(keys_of_segments(), ElementsAre(1));
}

TEST_F(EncryptionTest, ALogOverManySegmentsGoesOn) {
  Payloads expected;
  for (char c = 'a'; c <= 'z'; ++c) {
    expected.push_back(std::string(c == 'm' ? 50'000 : 700, c));
    write({{expected.back()}}, kSmallSegment);
  }
  EXPECT_EQ(payloads(), expected);
  EXPECT_GE(files_.list(kDirectory).value().size(), 10u);
}

// ---- keys ---------------------------------------------------------------------------------------

TEST_F(EncryptionTest, ANewKeyIsTakenByTheNextCommitAndOldOnesStayReadable) {
  {
    const auto log = open().take();
    LogWaiter waiter(*log);
    for (unsigned round = 0; round < 6; ++round) {
      activate(keys_, 1 + round / 2);
      BatchBuilder batch = batch_of({"round " + std::to_string(round)});
      ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
    }
  }
  EXPECT_THAT(keys_of_segments(), ElementsAre(1, 2, 3));
  EXPECT_THAT(payloads(),
              ElementsAre("round 0", "round 1", "round 2", "round 3", "round 4", "round 5"));
}

TEST_F(EncryptionTest, IsTurnedOnAndOffWithoutAGap) {
  write_commits(files_, {{"plain"}});
  write({{"sealed"}, {"sealed too"}});
  activate(keys_, 0);
  write({{"plain again"}});
  activate(keys_, 1);
  write({{"sealed again"}});
  EXPECT_THAT(keys_of_segments(), ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(payloads(),
              ElementsAre("plain", "sealed", "sealed too", "plain again", "sealed again"));
  EXPECT_TRUE(holds("plain again"));
  EXPECT_FALSE(holds("sealed"));
}

// A file that is used again keeps what it held behind its new commits: that must be no plain text.
TEST_F(EncryptionTest, LeavesNoPlainTextInFilesThatAreUsedAgain) {
  const auto append = [this](const std::string& payload, int times) {
    const auto log = open(kSmallSegment).take();
    LogWaiter waiter(*log);
    for (int i = 0; i < times; ++i) {
      BatchBuilder batch = batch_of({payload + std::string(1000, '.')});
      ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
    }
    log->trim(log->durable());
  };
  const auto trimmed = [this](unsigned active, const std::string& payload) {
    auto opened = open_small_log(files_, kSmallSegment, first_, &keys_);
    ASSERT_TRUE(opened.ok()) << opened.error().sentence();
    const auto log = opened.take();
    LogWaiter waiter(*log);
    activate(keys_, active);
    for (int i = 0; i < 6; ++i) {
      BatchBuilder batch = batch_of({payload + std::string(1000, '.')});
      ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
      log->trim(log->durable());
    }
    log->close();
    first_ = log->durable().value();
  };
  activate(keys_, 0);
  append("plain text", 6);
  EXPECT_TRUE(holds("plain text"));
  first_ = 6;
  trimmed(0, "plain text");
  trimmed(1, "sealed text");
  EXPECT_FALSE(holds("plain text"));
  EXPECT_TRUE(files_.exists(std::string(kDirectory) + "/kept-1.tmp").value())
      << "encrypted ones are used again";
}

// Opened and left alone, a log stays as it is; a segment without any commit is replaced.
TEST_F(EncryptionTest, AnEmptySegmentIsReplacedByOneOfTheNewKey) {
  static_cast<void>(open().take());
  activate(keys_, 2);
  static_cast<void>(open().take());
  EXPECT_THAT(keys_of_segments(), ElementsAre(1));
  write({{"a"}});
  EXPECT_THAT(keys_of_segments(), ElementsAre(2));
  EXPECT_THAT(payloads(), ElementsAre("a"));
}

TEST_F(EncryptionTest, AMissingOrWrongKeyIsSaidAndIsNoDamage) {
  write({{"a"}});
  const std::string before = files_.content(kFirstSegment);
  KeyRing none;
  KeyRing others;
  ASSERT_TRUE(others.take("active 2\n2 " + std::string(64, '2'), "/keys").ok());
  KeyRing wrong;
  ASSERT_TRUE(wrong.take("active 1\n1 " + std::string(64, 'f'), "/keys").ok());
  const std::vector<std::pair<const KeyRing*, std::string>> cases = {
      {nullptr, "and no key file is given: [encryption] key_file"},
      {&none, "and no key file is given: [encryption] key_file"},
      {&others, "which /keys does not hold"},
      {&wrong, "and /keys holds another key of that number"}};
  for (const auto& [keys, why] : cases) {
    auto log = open_small_log(files_, kLargeSegment, 1, keys);
    ASSERT_FALSE(log.ok());
    EXPECT_EQ(log.error().code(), ErrorCode::kCrypto);
    EXPECT_EQ(log.error().sentence().find("segment " + kFirstSegment +
                                          " is encrypted with key 1, " + why),
              0u)
        << log.error().sentence();
    EXPECT_THAT(log.error().sentence(), Not(HasSubstr("cut")));
    CheckOptions options{.directory = kDirectory};
    options.keys = keys;
    EXPECT_EQ(plan_cut(files_, options, Lsn{1}).error().code(), ErrorCode::kCrypto);
  }
  EXPECT_EQ(files_.content(kFirstSegment), before);
}

TEST_F(EncryptionTest, AnOldKeyIsNeededOnlyAsLongAsItsSegmentsAre) {
  write({{std::string(1500, 'a')}, {std::string(1500, 'b')}}, kSmallSegment);
  activate(keys_, 2);
  write({{std::string(1500, 'c')}, {std::string(1500, 'd')}}, kSmallSegment);
  KeyRing only_new;
  ASSERT_TRUE(only_new.take("active 2\n2 " + std::string(64, '2'), "/keys").ok());
  EXPECT_FALSE(open_small_log(files_, kSmallSegment, 3, &only_new).ok());
  EXPECT_TRUE(open_small_log(files_, kSmallSegment, 4, &only_new).ok());
}

// ---- places -------------------------------------------------------------------------------------

// Where the commits of a segment begin, and its end.
std::vector<std::size_t> offsets_of(const std::string& segment, const KeyRing& keys) {
  std::vector<std::size_t> offsets;
  SegmentReader reader = SegmentReader::open(segment, "", &keys).take();
  LogPosition position = reader.begin();
  auto end = reader.walk(position, [&](BatchReader&, std::size_t offset) {
    if (offsets.empty() || offsets.back() != offset) offsets.push_back(offset);
    return ok_status();
  });
  EXPECT_TRUE(end.ok() && end.value().is_clean);
  offsets.push_back(end.value().offset);
  return offsets;
}

// Whole commits that the writer made, at another place than it made them for.
TEST_F(EncryptionTest, ACommitCountsOnlyInItsSegmentAtItsPlace) {
  write({{"one"}, {"two"}, {"six"}});
  const std::string whole = files_.content(kFirstSegment);
  const auto place = [](std::size_t commit) { return (commit + 1) * kBlock; };
  const auto move = [&](const std::string& from, std::size_t at, std::size_t to) {
    std::string changed = whole;
    changed.replace(to, kBlock, from, at, kBlock);
    return changed;
  };
  // The same log once more, with the same key: other salt.
  io::FaultyFileSystem other;
  write_commits(other, {{"one"}, {"two"}, {"six"}}, kLargeSegment, &keys_);
  const std::string twin = other.content(kFirstSegment);
  std::string swapped = move(whole, place(0), place(1));
  swapped.replace(place(0), kBlock, whole, place(1), kBlock);
  for (const std::string& changed :
       {swapped, move(whole, place(0), place(1)), move(twin, place(1), place(1))}) {
    put(kFirstSegment, changed);
    auto log = open();
    ASSERT_FALSE(log.ok());
    EXPECT_THAT(log.error().sentence(), HasSubstr("a later commit follows"));
  }
  // At the end they look like a torn commit, and are not served.
  for (const std::string& changed :
       {move(whole, place(1), place(2)), move(twin, place(2), place(2))}) {
    put(kFirstSegment, changed);
    EXPECT_THAT(payloads(), ElementsAre("one", "two"));
  }
  // One that is missing, and the header of another segment.
  put(kFirstSegment, move(std::string(kBlock, '\0'), 0, place(1)));
  EXPECT_FALSE(open().ok());
  put(kFirstSegment, move(twin, 0, 0));
  EXPECT_THAT(payloads(), testing::IsEmpty());
}

// The header is in plain and its checksum is nobody's secret: the key is derived from it.
TEST_F(EncryptionTest, AHeaderThatSaysSomethingElseHasNoProof) {
  write({{"one"}});
  const std::string whole = files_.content(kFirstSegment);
  for (const std::size_t at : {std::size_t{16}, std::size_t{24}}) {  // its first LSN, its chain
    std::string changed = whole;
    changed[at] ^= 6;
    store_little(changed.data() + 124, crc32c(ByteView(changed).substr(0, 124)));
    auto reader = SegmentReader::open(changed, kFirstSegment, &keys_);
    ASSERT_FALSE(reader.ok()) << at;
    EXPECT_EQ(reader.error().code(), ErrorCode::kCrypto);
  }
}

// ---- nonces -------------------------------------------------------------------------------------

// The classic fault: a torn tail is cut, and what is written in its place takes the nonce that the
// torn commit had. Every pair of salt and nonce that ever reached the disk is kept and compared.
TEST_F(EncryptionTest, NoNonceIsUsedTwiceWhenATornTailIsWrittenAgain) {
  write({{"first"}});
  const std::size_t tail = 2 * kBlock;
  std::set<std::string> seen;
  std::string first_cipher;
  for (int round = 0; round < 50; ++round) {
    {
      const auto log = open().take();
      ASSERT_EQ(log->last(), Lsn{1});
      BatchBuilder batch = batch_of({"round " + std::to_string(10 + round)});
      ASSERT_EQ(log->append(batch, 1).value(), Lsn{2});
    }
    std::string bytes = files_.content(kFirstSegment);
    const std::string salt = bytes.substr(64, 32);
    ASSERT_EQ(files_.list(kDirectory).value().size(), 1u) << "it is the same segment";
    ASSERT_TRUE(seen.insert(salt + bytes.substr(tail + kAtNonce, io::kGcmNonceBytes)).second);
    // The same key stream would show here: the plain bytes differ in few places only.
    const std::string cipher = bytes.substr(tail + kCommitHeaderBytes, 64);
    if (first_cipher.empty()) first_cipher = cipher;
    std::size_t equal = 0;
    for (std::size_t i = 0; i < cipher.size(); ++i) equal += cipher[i] == first_cipher[i] ? 1u : 0u;
    if (round > 0) {
      EXPECT_LT(equal, 16u);
    }
    bytes[tail + 100] ^= 1;  // torn
    files_.set_content(kFirstSegment, bytes);
  }
  EXPECT_EQ(seen.size(), 50u);
}

TEST_F(EncryptionTest, NoNonceIsUsedTwiceWithinASegmentAndNoSaltInTwo) {
  std::vector<Payloads> commits(60, Payloads{"x"});
  write(commits, 8 * kBlock);
  std::set<std::string> nonces;
  std::set<std::string> salts;
  for (const Segment& segment : find_segments(files_, kDirectory).take()) {
    const std::string bytes = files_.content(segment.path);
    const std::string salt = bytes.substr(64, 32);
    salts.insert(salt);
    const auto offsets = offsets_of(bytes, keys_);
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      const std::string nonce = bytes.substr(offsets[i] + kAtNonce, io::kGcmNonceBytes);
      EXPECT_NE(nonce, std::string(io::kGcmNonceBytes, '\0')) << "that of the header's proof";
      nonces.insert(salt + nonce);
    }
  }
  EXPECT_EQ(nonces.size(), commits.size());
  EXPECT_EQ(salts.size(), find_segments(files_, kDirectory).value().size());
}

// ---- copies and cuts ----------------------------------------------------------------------------

TEST_F(EncryptionTest, CopiesArePlainBatchesAndABuiltLogIsEncrypted) {
  write({{"plain text 1"}, {"2", "3"}, {"4"}});
  std::string copied;
  auto range = copy_batches(*open().take(), Lsn{1}, Lsn{4}, [&](const BatchReader& batch) {
    copied.append(batch.bytes());
    return ok_status();
  });
  ASSERT_TRUE(range.ok()) << range.error().sentence();
  EXPECT_THAT(copied, HasSubstr("plain text 1"));
  const LogTail tail(4);
  auto without = LocalLogReader(files_, kDirectory, nullptr, Lsn{1}, tail).next();
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().code(), ErrorCode::kCrypto);

  activate(keys_, 2);
  const auto file = files_.create("/backup/log").take();
  ASSERT_TRUE(file->write_at(0, copied).ok());
  LogBuilder builder(files_, "/restored", kSmallSegment, &keys_);
  ASSERT_TRUE(builder.begin(range.value().begin).ok());
  ASSERT_TRUE(
      read_batches(*file, [&](const BatchReader& batch) { return builder.add(batch); }).ok());
  ASSERT_TRUE(builder.finish().ok());
  EXPECT_EQ(builder.position().chain, range.value().end.chain);
  files_.crash(3);
  const std::string segment = "/restored/00000000000000000001.wal";
  EXPECT_EQ(files_.content(segment).find("plain"), std::string::npos);
  EXPECT_EQ(read_segment_header(files_.content(segment)).value().key, KeyId{2});
  const LocalLogOptions options{.directory = "/restored",
                                .segment_bytes = kSmallSegment,
                                .is_made_ahead = false,
                                .keys = &keys_};
  {
    const auto log = open_local_log(files_, options).take();
    BatchBuilder batch = batch_of({"5"});
    ASSERT_EQ(log->append(batch, 1).value(), Lsn{5});
  }
  EXPECT_THAT(read_all(*open_local_log(files_, options).value()).value(),
              ElementsAre("plain text 1", "2", "3", "4", "5"));
}

TEST_F(EncryptionTest, IsCutAtTheEndOfEveryCommitAndGoesOn) {
  const std::vector<std::uint64_t> ends = {0, 1, 3, 4, 5};
  for (const std::uint64_t to : ends) {
    SCOPED_TRACE(to);
    io::FaultyFileSystem files;
    write_commits(files, {{"1"}, {"2", "3"}, {"4"}, {"5"}}, 3 * kBlock, &keys_);
    CheckOptions options{.directory = kDirectory};
    options.keys = &keys_;
    ASSERT_TRUE(cut_log(files, plan_cut(files, options, Lsn{to}).value()).ok());
    {
      const auto log = open_small_log(files, 3 * kBlock, 1, &keys_).take();
      ASSERT_EQ(log->last(), Lsn{to});
      BatchBuilder batch = batch_of({"after"});
      ASSERT_TRUE(log->append(batch, 1).ok());
    }
    EXPECT_EQ(open_small_log(files, 3 * kBlock, 1, &keys_).value()->last(), Lsn{to + 1});
  }
}

// Batches of one commit are sealed together: what is kept of it is sealed anew, with the same key.
TEST_F(EncryptionTest, IsCutInsideACommitWithoutANonceUsedTwice) {
  write({{"1"}});
  {
    const auto log = open().take();
    for (const std::string payload : {"2", "3", "4"}) {
      BatchBuilder batch = batch_of({payload});
      ASSERT_TRUE(log->append(batch, 1).ok());
    }
  }
  CheckOptions options{.directory = kDirectory};
  options.keys = &keys_;
  const std::string before = files_.content(kFirstSegment);
  ASSERT_EQ(places_of(before, &keys_).size(), 2u);
  activate(keys_, 0);
  const CutPlan plan = plan_cut(files_, options, Lsn{3}).take();
  EXPECT_GT(plan.bytes(), 0u);
  EXPECT_LT(plan.bytes(), kBlock) << "one small batch";
  ASSERT_TRUE(cut_log(files_, plan).ok());
  EXPECT_TRUE(plan_cut(files_, options, Lsn{3}).value().is_empty());
  EXPECT_THAT(keys_of_segments(), ElementsAre(1)) << "it stays encrypted";
  EXPECT_THAT(payloads(), ElementsAre("1", "2", "3"));
  const std::string after = files_.content(kFirstSegment);
  EXPECT_NE(before.substr(kAtSalt, kSaltBytes), after.substr(kAtSalt, kSaltBytes))
      << "the same key would seal other bytes";
  activate(keys_, 1);
  write({{"5"}});
  EXPECT_THAT(payloads(), ElementsAre("1", "2", "3", "5"));
  EXPECT_EQ(cut_command("/data/wal", Lsn{1}, &keys_),
            "statord wal cut --data-dir /data --to 1 --yes --key-file /keys");
}

}  // namespace
}  // namespace stator::wal
