#include "wal/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/limits.h"

namespace stator::wal {
namespace {

using testing::HasSubstr;

constexpr BatchSeal kSeal{.group = 2,
                          .epoch = 3,
                          .first = Lsn{100},
                          .previous_chain = 0x1122334455667788u,
                          .time_ms = 1'700'000'000'123u,
                          .durable_before = Lsn{90}};

BatchBuilder two_records() {
  BatchBuilder batch;
  EXPECT_TRUE(batch
                  .add({.engine = EngineNumber{1},
                        .type = 20,
                        .tenant = TenantId{300},
                        .vshard = kEveryVShard,
                        .collection = "users",
                        .payload = "payload"})
                  .ok());
  EXPECT_TRUE(batch
                  .add({.engine = EngineNumber{0},
                        .type = 0xffffffff,
                        .tenant = TenantId{0xffffffff},
                        .vshard = VShardId{1023},
                        .collection = "",
                        .payload = ""})
                  .ok());
  return batch;
}

BatchBuilder batch_with_payload(ByteView payload) {
  BatchBuilder batch;
  EXPECT_TRUE(batch
                  .add({.engine = EngineNumber{1},
                        .type = 1,
                        .tenant = TenantId{1},
                        .vshard = VShardId{1},
                        .collection = "c",
                        .payload = payload})
                  .ok());
  return batch;
}

std::string sealed() {
  BatchBuilder batch = two_records();
  BatchSealer::seal(batch, kSeal);
  return std::string(batch.bytes());
}

// As an attacker or another version would: changed content under a right checksum.
std::string resealed(std::string bytes) {
  store_little(bytes.data() + 56, crc32c(ByteView(bytes).substr(64)));
  store_little(bytes.data() + 60, crc32c(ByteView(bytes).substr(0, 60)));
  return bytes;
}

TEST(BatchTest, GivesBackWhatWasSealed) {
  BatchBuilder batch = two_records();
  const std::uint64_t chain = BatchSealer::seal(batch, kSeal);
  BatchReader reader = BatchReader::open(batch.bytes()).take();
  EXPECT_EQ(reader.size(), batch.bytes().size());
  EXPECT_EQ(reader.count(), 2u);
  EXPECT_EQ(reader.chain(), chain);
  EXPECT_EQ(reader.seal().group, 2u);
  EXPECT_EQ(reader.seal().epoch, 3u);
  EXPECT_EQ(reader.seal().first, Lsn{100});
  EXPECT_EQ(reader.seal().previous_chain, kSeal.previous_chain);
  EXPECT_EQ(reader.seal().time_ms, kSeal.time_ms);
  EXPECT_EQ(reader.seal().durable_before, Lsn{90});

  RecordView record;
  Lsn lsn;
  ASSERT_TRUE(reader.next(record, lsn));
  EXPECT_EQ(lsn, Lsn{100});
  EXPECT_EQ(record.engine, EngineNumber{1});
  EXPECT_EQ(record.type, 20u);
  EXPECT_EQ(record.tenant, TenantId{300});
  EXPECT_EQ(record.vshard, kEveryVShard);
  EXPECT_EQ(record.collection, "users");
  EXPECT_EQ(record.payload, "payload");
  ASSERT_TRUE(reader.next(record, lsn));
  EXPECT_EQ(lsn, Lsn{101});
  EXPECT_EQ(record.type, 0xffffffffu);
  EXPECT_EQ(record.tenant, TenantId{0xffffffff});
  EXPECT_EQ(record.vshard, VShardId{1023});
  EXPECT_EQ(record.collection, "");
  EXPECT_EQ(record.payload, "");
  EXPECT_FALSE(reader.next(record, lsn));
}

// The bytes of docs/formats/wal.md: they may not change without a new format number.
TEST(BatchTest, HasTheLayoutOfTheDocument) {
  const std::string bytes = sealed();
  ASSERT_EQ(bytes.size(), 64u + 40 + 24);
  EXPECT_EQ(bytes.substr(0, 8), std::string("SWAL\1\0\0\0", 8));
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[8]), 2u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[12]), 3u);
  EXPECT_EQ(load_little<std::uint64_t>(&bytes[16]), 100u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[24]), 2u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[28]), 64u);
  EXPECT_EQ(load_little<std::uint64_t>(&bytes[32]), kSeal.previous_chain);
  EXPECT_EQ(load_little<std::uint64_t>(&bytes[40]), kSeal.time_ms);
  EXPECT_EQ(load_little<std::uint64_t>(&bytes[48]), 90u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[56]), crc32c(ByteView(bytes).substr(64)));
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[60]), crc32c(ByteView(bytes).substr(0, 60)));
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[64]), 40u);
  EXPECT_EQ(load_little<std::uint16_t>(&bytes[68]), 1u);
  EXPECT_EQ(load_little<std::uint16_t>(&bytes[70]), 5u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[72]), 20u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[76]), 300u);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[80]), 0xffffu);
  EXPECT_EQ(load_little<std::uint32_t>(&bytes[84]), 7u);
  EXPECT_EQ(bytes.substr(88, 16), std::string("userspayload\0\0\0\0", 16));
}

TEST(BatchTest, IsReadFromTheFrontOfLongerBytes) {
  const std::string one = sealed();
  BatchReader reader = BatchReader::open(one + one).take();
  EXPECT_EQ(reader.size(), one.size());
  EXPECT_EQ(reader.count(), 2u);
}

TEST(BatchTest, CutAnywhereIsNotFound) {
  const std::string bytes = sealed();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto reader = BatchReader::open(ByteView(bytes).substr(0, size));
    ASSERT_FALSE(reader.ok()) << size;
    EXPECT_EQ(reader.error().code(), ErrorCode::kNotFound) << size;
  }
}

TEST(BatchTest, WithAnyBitFlippedIsRefused) {
  const std::string good = sealed();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    auto reader = BatchReader::open(bytes);
    ASSERT_FALSE(reader.ok()) << bit;
    EXPECT_EQ(reader.error().code(), ErrorCode::kCorrupted) << bit;
  }
}

TEST(BatchTest, OfANewerFormatIsNamedAndNotCalledTorn) {
  std::string bytes = sealed();
  bytes[4] = 9;
  auto reader = BatchReader::open(resealed(bytes));
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(reader.error().sentence(), HasSubstr("format 9 is not known to this version (1)"));
}

struct BadContent {
  const char* name;
  std::size_t offset;
  std::uint32_t value;  // written as u32 at `offset`
};

class BadContentTest : public testing::TestWithParam<BadContent> {};

// Lengths that disagree are refused even when their checksums are right.
TEST_P(BadContentTest, IsRefused) {
  std::string bytes = sealed();
  store_little(bytes.data() + GetParam().offset, GetParam().value);
  auto reader = BatchReader::open(resealed(bytes));
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().code(), ErrorCode::kUnsupported) << reader.error().sentence();
}

INSTANTIATE_TEST_SUITE_P(
    All, BadContentTest,
    testing::Values(BadContent{"flags", 4, 0x0001'0001}, BadContent{"no_records", 24, 0},
                    BadContent{"fewer_records", 24, 1}, BadContent{"more_records", 24, 3},
                    BadContent{"body_beyond_the_limit", 28, 0xfffffff8},
                    BadContent{"body_not_aligned", 28, 63},
                    BadContent{"durable_before_later", 48, 101},
                    BadContent{"record_beyond_the_batch", 64, 0xfffffff8},
                    BadContent{"record_of_nothing", 64, 0}, BadContent{"record_too_short", 64, 32},
                    BadContent{"payload_beyond_the_record", 84, 0xffffffff},
                    BadContent{"payload_one_longer_with_padding", 84, 12},
                    BadContent{"padding_not_zero", 100, 1}),
    [](const auto& param_info) { return param_info.param.name; });

TEST(BatchTest, AnnouncesItsSizeByTheHeaderAlone) {
  const std::string bytes = sealed();
  EXPECT_EQ(BatchReader::announced_size(ByteView(bytes).substr(0, 64)), bytes.size());
  EXPECT_EQ(BatchReader::announced_size(ByteView(bytes).substr(0, 63)), std::nullopt);
  std::string bad = bytes;
  bad[28] ^= 8;
  EXPECT_EQ(BatchReader::announced_size(bad), std::nullopt);
}

TEST(BatchTest, ChainDependsOnContentAndPredecessor) {
  BatchBuilder one = batch_with_payload("a");
  BatchBuilder other = batch_with_payload("b");
  BatchSeal later = kSeal;
  later.previous_chain ^= 1;
  const std::uint64_t chain = BatchSealer::seal(one, kSeal);
  EXPECT_NE(chain, BatchSealer::seal(other, kSeal));
  EXPECT_NE(chain, BatchSealer::seal(one, later));
  EXPECT_EQ(chain, BatchSealer::seal(one, kSeal));  // sealing again is allowed
}

TEST(BatchTest, IsEmptyAndReusableAfterClear) {
  BatchBuilder batch = two_records();
  batch.clear();
  EXPECT_EQ(batch.count(), 0u);
  batch = two_records();
  BatchSealer::seal(batch, kSeal);
  EXPECT_EQ(batch.bytes(), sealed());
}

TEST(BatchTest, RefusesMoreThanTheLimit) {
  const std::string half(kBatchBytesMax / 2, 'x');
  BatchBuilder batch = batch_with_payload(half);
  auto status =
      batch.add({.engine = {}, .tenant = {}, .vshard = {}, .collection = {}, .payload = half});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kResourcesExhausted);
  EXPECT_EQ(batch.count(), 1u);
  const std::string collection(65536, 'c');
  EXPECT_EQ(
      batch.add({.engine = {}, .tenant = {}, .vshard = {}, .collection = collection, .payload = {}})
          .error()
          .code(),
      ErrorCode::kResourcesExhausted);
  BatchSealer::seal(batch, kSeal);
  EXPECT_TRUE(BatchReader::open(batch.bytes()).ok());
}

}  // namespace
}  // namespace stator::wal
