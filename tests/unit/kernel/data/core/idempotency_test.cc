// Kept first answers: found by a repeat for a day, then let go of.
#include "data/core/idempotency.h"

#include <gtest/gtest.h>

#include "data/core/kernel_record.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::core {
namespace {

constexpr std::uint64_t kStart = 1'700'000'000'000;
constexpr TenantId kTenant{3};
constexpr VShardId kVShard{9};

class IdempotencyTest : public testing::Test {
 protected:
  IdempotencyTest() {
    store::StoreOptions options;
    options.directory = directory_.path() + "/lane-0";
    store_ = store::Store::open(options).take();
    store_->begin_turn();
  }
  ~IdempotencyTest() override { store_->end_turn(); }

  static void ask(bridge::Task& task, const std::string& key, std::uint64_t request_hash) {
    task.reset();
    task.tenant = kTenant;
    task.vshard = kVShard;
    task.idempotency_key = key;
    task.request_hash = request_hash;
  }
  // As commit() does it.
  void keep(const std::string& key, std::uint64_t request_hash, std::uint64_t time_ms) {
    bridge::Task task;
    ask(task, key, request_hash);
    task.payload.append(R"({"lsn":})");
    task.lsn_at.push_back({7, 0});
    wal::BatchBuilder batch;
    ASSERT_TRUE(IdempotencyTable::add(batch, task, kVShard).ok());
    wal::RecordCursor records(batch.records());
    wal::RecordView record;
    ASSERT_TRUE(records.next(record));
    IdempotencyTable::apply(*store_, record, Lsn{lsn_ += 2}, time_ms);
  }
  bool find(const std::string& key, std::uint64_t request_hash, std::uint64_t now_ms) {
    ask(found_, key, request_hash);
    return IdempotencyTable::find(*store_, now_ms, found_);
  }
  std::size_t entries() {
    const auto walk = store_->walk({});
    std::size_t count = 0;
    for (store::Entry entry; walk->next(entry);) ++count;
    return count;
  }

  io::TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  bridge::Task found_;
  std::uint64_t lsn_ = 0;
};

TEST_F(IdempotencyTest, ARepeatGetsTheFirstAnswerWithItsLsn) {
  EXPECT_FALSE(find("k", 1, kStart));
  keep("k", 1, kStart);
  ASSERT_TRUE(find("k", 1, kStart + kAnswerKeptMs - 1));
  EXPECT_EQ(found_.code, ErrorCode::kOk);
  EXPECT_EQ(found_.payload.view(), R"({"lsn":2})");
  EXPECT_EQ(found_.lsn, Lsn{2});
}

// Of a batch: each of its answers has an LSN of its own, or 0.
TEST_F(IdempotencyTest, LsnsOfSeveralRecordsStandWhereTheyStood) {
  bridge::Task task;
  ask(task, "k", 1);
  task.payload.append("[,,]");
  task.lsn_at = {{1, 0}, {2, 2}, {3, bridge::kNoRecord}};
  wal::BatchBuilder batch;
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(batch.add({EngineNumber{3}, 1, kTenant, kVShard, {}, {}}).ok());
  ASSERT_TRUE(IdempotencyTable::add(batch, task, kVShard).ok());
  wal::RecordCursor records(batch.records());
  wal::RecordView record;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(records.next(record));
  IdempotencyTable::apply(*store_, record, Lsn{13}, kStart);
  ASSERT_TRUE(find("k", 1, kStart));
  EXPECT_EQ(found_.payload.view(), "[10,12,0]");
  EXPECT_EQ(found_.lsn, Lsn{10});
}

TEST_F(IdempotencyTest, AnotherRequestUnderTheKeyIsRefused) {
  keep("k", 1, kStart);
  ASSERT_TRUE(find("k", 2, kStart));
  EXPECT_EQ(found_.code, ErrorCode::kBadRequest);
  EXPECT_EQ(found_.error_field, "idempotency_key");
}

TEST_F(IdempotencyTest, AfterADayAKeyIsNewAndMayBeUsedForAnotherRequest) {
  keep("k", 1, kStart);
  EXPECT_FALSE(find("k", 1, kStart + kAnswerKeptMs));
  EXPECT_FALSE(find("k", 2, kStart + kAnswerKeptMs));
  keep("k", 2, kStart + kAnswerKeptMs);
  ASSERT_TRUE(find("k", 2, kStart + kAnswerKeptMs));
  EXPECT_EQ(found_.code, ErrorCode::kOk);
}

// One answer every minute for ten days: what stays is about a day's, though LSNs are all even.
TEST_F(IdempotencyTest, OldAnswersAreLetGoOf) {
  constexpr std::uint64_t kMinute = 60'000;
  constexpr std::uint64_t kDay = kAnswerKeptMs / kMinute;
  for (std::uint64_t i = 0; i < 10 * kDay; ++i)
    keep("k" + std::to_string(i), i, kStart + i * kMinute);
  EXPECT_LT(entries(), 2 * (kDay + 200));
  EXPECT_GE(entries(), 2 * kDay);
  for (std::uint64_t i = 9 * kDay + 1; i < 10 * kDay; i += 7)
    ASSERT_TRUE(find("k" + std::to_string(i), i, kStart + 10 * kDay * kMinute)) << i;
}

TEST_F(IdempotencyTest, AKeyThatWasUsedAgainKeepsItsNewAnswer) {
  keep("again", 1, kStart);
  const std::uint64_t later = kStart + kAnswerKeptMs + 1;
  keep("again", 2, later);
  for (int i = 0; i < 100; ++i) keep("o" + std::to_string(i), 1, later + 1);
  EXPECT_EQ(entries(), 2u * 101) << "the old entry of the order is gone";
  ASSERT_TRUE(find("again", 2, later + 2));
  EXPECT_EQ(found_.code, ErrorCode::kOk);
}

}  // namespace
}  // namespace stator::core
