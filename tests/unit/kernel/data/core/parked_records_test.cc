// Records of an engine that is not there, kept in the store until it is.
#include "data/core/parked_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/core/kernel_record.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr EngineNumber kAbsent{7};
constexpr EngineNumber kOther{8};

std::string text_of(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
  return std::to_string(lsn.value()) + "@" + std::to_string(time_ms) + " " +
         std::to_string(record.engine.value()) + "/" + std::to_string(record.type) + "/" +
         std::to_string(record.tenant.value()) + "/" + std::to_string(record.vshard.value()) + " " +
         std::string(record.collection) + "=" + std::string(record.payload);
}

class ParkedRecordsTest : public testing::Test {
 protected:
  void SetUp() override {
    open();
    name(kAbsent, "absent");
    name(kOther, "other");
  }
  void open() {
    store_.reset();
    store::StoreOptions options;
    options.directory = directory_.path() + "/lane-0";
    options.memtable_bytes = memtable_bytes_;
    store_ = store::Store::open(options).take();
    parked_ = std::make_unique<ParkedRecords>(*store_);
  }
  void name(EngineNumber number, const std::string& id) {
    store_->begin_turn();
    store_->put(engine_number_key(id), kEveryVShard, encode_engine_number(number, id));
    store_->end_turn();
  }
  Status park(EngineNumber engine, std::uint64_t lsn, ByteView payload,
              VShardId vshard = VShardId{9}) {
    store_->begin_turn();
    Status status = parked_->park({.engine = engine,
                                   .type = 3,
                                   .tenant = TenantId{5},
                                   .vshard = vshard,
                                   .collection = "c",
                                   .payload = payload},
                                  Lsn{lsn}, 1000 + lsn);
    store_->end_turn();
    return status;
  }
  static bool none_stays(const wal::RecordView&, Lsn) { return false; }
  std::vector<std::string> give_back(EngineNumber engine,
                                     const ParkedRecords::Stays& stays = none_stays) {
    std::vector<std::string> found;
    const Status status = parked_->give_back(
        engine, stays, [&](const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
          found.push_back(text_of(record, lsn, time_ms));
          return ok_status();
        });
    EXPECT_TRUE(status.ok());
    return found;
  }
  void checkpoint(std::uint64_t up_to) {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{up_to}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
  }

  io::TempDirectory directory_;
  std::size_t memtable_bytes_ = 0;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ParkedRecords> parked_;
};

TEST_F(ParkedRecordsTest, ComeBackAsTheyWereInTheOrderOfTheLogAndOnlyOnce) {
  ASSERT_TRUE(park(kAbsent, 300, "late").ok());
  ASSERT_TRUE(park(kAbsent, 2, std::string("\0x", 2)).ok());
  ASSERT_TRUE(park(kAbsent, (1ull << 40) + 1, "").ok());
  ASSERT_TRUE(park(kOther, 4, "not asked for").ok());
  EXPECT_THAT(give_back(kAbsent),
              ElementsAre("2@1002 7/3/5/9 c=" + std::string("\0x", 2), "300@1300 7/3/5/9 c=late",
                          "1099511627777@1099511628777 7/3/5/9 c="));
  EXPECT_THAT(give_back(kAbsent), IsEmpty());
  EXPECT_THAT(give_back(kOther), ElementsAre("4@1004 8/3/5/9 c=not asked for"));
}

TEST_F(ParkedRecordsTest, ThoseThatStayAreThereTheNextTime) {
  ASSERT_TRUE(park(kAbsent, 2, "a").ok());
  ASSERT_TRUE(park(kAbsent, 3, "b").ok());
  ASSERT_TRUE(park(kAbsent, 4, "c").ok());
  const auto is_three = [](const wal::RecordView& record, Lsn lsn) {
    EXPECT_EQ(record.collection, "c");
    return lsn == Lsn{3};
  };
  EXPECT_THAT(give_back(kAbsent, is_three),
              ElementsAre("2@1002 7/3/5/9 c=a", "4@1004 7/3/5/9 c=c"));
  std::string seen;
  store_->begin_turn();
  for (const std::uint64_t lsn : {2u, 3u}) {
    ParkedRecords::look_at(*store_, kAbsent, Lsn{lsn},
                           [&](const wal::RecordView& record) { seen += record.payload; });
  }
  store_->end_turn();
  EXPECT_EQ(seen, "b");
  EXPECT_THAT(give_back(kAbsent), ElementsAre("3@1003 7/3/5/9 c=b"));
}

TEST_F(ParkedRecordsTest, ParkedAgainByAReplayIsParkedOnce) {
  ASSERT_TRUE(park(kAbsent, 2, "x").ok());
  ASSERT_TRUE(park(kAbsent, 2, "x").ok());
  EXPECT_EQ(give_back(kAbsent).size(), 1u);
}

TEST_F(ParkedRecordsTest, AreInTheBaseAfterACheckpointAndGoneAfterTheOneThatFollowsThem) {
  ASSERT_TRUE(park(kAbsent, 2, "x").ok());
  checkpoint(2);
  open();
  EXPECT_THAT(parked_->counts(LaneId{0}), UnorderedElementsAre(Pair("absent", 1u)));
  EXPECT_EQ(give_back(kAbsent).size(), 1u);
  open();  // a crash: nothing of it was written
  EXPECT_EQ(give_back(kAbsent).size(), 1u);
  checkpoint(2);
  open();
  EXPECT_THAT(give_back(kAbsent), IsEmpty());
}

// What `apply` wrote and that the record is gone are in one checkpoint, wherever it falls.
TEST_F(ParkedRecordsTest, ACheckpointOnTheWayHoldsEffectAndErasureTogether) {
  constexpr std::uint64_t kRecords = 200;
  for (std::uint64_t lsn = 1; lsn <= kRecords; ++lsn) {
    ASSERT_TRUE(park(kAbsent, lsn, std::string(2000, 'p')).ok());
  }
  checkpoint(kRecords);
  memtable_bytes_ = 16 * 1024;
  open();
  std::uint64_t applied = 0;
  const Status stopped = parked_->give_back(
      kAbsent, none_stays, [&](const wal::RecordView&, Lsn lsn, std::uint64_t) -> Status {
        if (lsn.value() == kRecords - 20) return Error(ErrorCode::kInternal, "the test stops here");
        ++applied;
        store_->put("effect " + std::to_string(lsn.value()), VShardId{9}, std::string(1000, 'e'));
        return ok_status();
      });
  ASSERT_FALSE(stopped.ok());
  open();  // with what checkpoints wrote
  EXPECT_EQ(store_->applied(), Lsn{kRecords});
  std::uint64_t effects = 0;
  store_->begin_turn();
  store::Entry entry;
  for (std::uint64_t lsn = 1; lsn <= kRecords; ++lsn) {
    effects += store_->get("effect " + std::to_string(lsn), entry) ? 1u : 0u;
  }
  store_->end_turn();
  EXPECT_GT(effects, 0u);
  EXPECT_LE(effects, applied);
  EXPECT_EQ(give_back(kAbsent).size(), kRecords - effects);
}

TEST_F(ParkedRecordsTest, OfEveryLaneAreCountedOnLaneZero) {
  ASSERT_TRUE(park(kAbsent, 2, "x", kEveryVShard).ok());
  ASSERT_TRUE(park(kOther, 3, "x").ok());
  EXPECT_THAT(parked_->counts(LaneId{0}),
              UnorderedElementsAre(Pair("absent", 1u), Pair("other", 1u)));
  EXPECT_THAT(parked_->counts(LaneId{1}), UnorderedElementsAre(Pair("other", 1u)));
}

TEST_F(ParkedRecordsTest, OfANumberThatNoEngineHasAreRefused) {
  auto status = park(EngineNumber{99}, 2, "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kCorrupted);
}

// Entries move by vShard when the number of lanes changes.
TEST_F(ParkedRecordsTest, MoveWithTheirVShard) {
  ASSERT_TRUE(park(kAbsent, 2, "zero", VShardId{0}).ok());
  ASSERT_TRUE(park(kAbsent, 3, "one", VShardId{1}).ok());
  ASSERT_TRUE(park(kAbsent, 4, "all", kEveryVShard).ok());
  checkpoint(4);
  store_.reset();
  const std::string to = directory_.path() + "/new";
  const Status moved = store::reshard(directory_.path(), 1, to, 2, Lsn{4},
                                      [](VShardId vshard) { return LaneId{vshard.value() % 2}; });
  ASSERT_TRUE(moved.ok());
  for (std::uint32_t lane = 0; lane < 2; ++lane) {
    store::StoreOptions options;
    options.directory = to + "/lane-" + std::to_string(lane);
    store_ = store::Store::open(options).take();
    parked_ = std::make_unique<ParkedRecords>(*store_);
    EXPECT_THAT(give_back(kAbsent),
                ElementsAre(lane == 0 ? "2@1002 7/3/5/0 c=zero" : "3@1003 7/3/5/1 c=one",
                            "4@1004 7/3/5/65535 c=all"));
  }
}

}  // namespace
}  // namespace stator::core
