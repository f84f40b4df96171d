#include "data/core/vshard_snapshot.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/core/kernel_record.h"
#include "unit/kernel/io/faulty_file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::core {
namespace {

using testing::HasSubstr;

constexpr VShardId kMoved{17};
constexpr VShardId kOther{18};
constexpr std::uint64_t kPlacement = 99;

std::string key_of(int n) {
  char number[16];
  std::snprintf(number, sizeof number, "%05d", n);
  // Engine 1, tenant 1, collection "c", space 1.
  return std::string("\1\1\1c\1", 5) + number;
}

class VShardSnapshotTest : public testing::Test {
 protected:
  std::unique_ptr<store::Store> open(const std::string& name, std::size_t memtable_bytes = 0) {
    store::StoreOptions options;
    options.directory = directory_.file(name);
    options.memtable_bytes = memtable_bytes;
    STATOR_ASSERT(io::posix_file_system().make_directory(options.directory).ok());
    return store::Store::open(options).take();
  }
  static void put_dictionary(store::Store& store, std::uint16_t number = 1) {
    store.put(engine_number_key("toy"), kEveryVShard,
              encode_engine_number(EngineNumber{number}, "toy"));
  }
  static void checkpoint(store::Store& store, std::uint64_t up_to) {
    ASSERT_TRUE(store.start_checkpoint(Lsn{up_to}));
    ASSERT_TRUE(store.wait_checkpoint().ok());
  }
  // Some in the base, some in memory, one erased.
  std::unique_ptr<store::Store> source(int entries, std::size_t bytes = 40) {
    auto store = open("source");
    put_dictionary(*store);
    for (int n = 0; n < entries; ++n) {
      if (n == entries / 2) checkpoint(*store, 5);
      store->put(key_of(n), n % 3 == 0 ? kOther : kMoved, std::string(bytes, static_cast<char>(n)));
    }
    store->erase(key_of(1));
    checkpoint(*store, 9);
    return store;
  }
  std::string written(store::Store& store) {
    const auto file = files_.create("/snapshot").take();
    STATOR_ASSERT(write_snapshot(store, {kMoved, Lsn{9}, kPlacement}, *file).ok());
    return files_.content("/snapshot");
  }
  Result<SnapshotFacts> load(store::Store& store, const std::string& bytes,
                             std::uint64_t placement = kPlacement) {
    files_.set_content("/snapshot", bytes);
    const auto file = files_.open("/snapshot").take();
    return load_snapshot(store, placement, *file);
  }

  io::TempDirectory directory_;
  io::FaultyFileSystem files_;
};

TEST_F(VShardSnapshotTest, CarriesAVShardFromStoreToStore) {
  const auto from = source(300);
  const std::string bytes = written(*from);
  auto to = open("target", 4096);  // full several times on the way
  put_dictionary(*to);
  to->put(key_of(2), kMoved, "old");
  to->put(key_of(777), kMoved, "not in the snapshot");
  to->put(key_of(0), kOther, "another vShard");
  checkpoint(*to, 9);
  auto facts = load(*to, bytes);
  ASSERT_TRUE(facts.ok()) << facts.error().sentence();
  EXPECT_EQ(facts.value().head.vshard, kMoved);
  EXPECT_EQ(facts.value().head.lsn, Lsn{9});
  EXPECT_EQ(facts.value().sum.entries, 199u);
  EXPECT_EQ(facts.value().sum, sum_of_vshard(*from, kMoved));
  to.reset();  // all of it is in the base
  to = open("target");
  EXPECT_EQ(to->applied(), Lsn{9});
  EXPECT_EQ(sum_of_vshard(*to, kMoved), sum_of_vshard(*from, kMoved));
  store::Entry entry;
  to->begin_turn();
  ASSERT_TRUE(to->get(key_of(0), entry));
  EXPECT_EQ(entry.value, "another vShard");
  EXPECT_FALSE(to->get(key_of(777), entry));
  to->end_turn();
  ASSERT_TRUE(erase_vshard(*from, kMoved).ok());
  EXPECT_EQ(sum_of_vshard(*from, kMoved), Digest{});
  EXPECT_EQ(sum_of_vshard(*from, kOther).entries, 100u);
}

TEST_F(VShardSnapshotTest, LargeValuesAndManyChunks) {
  const auto from = source(40, 300'000);
  const auto to = open("target");
  put_dictionary(*to);
  checkpoint(*to, 9);
  ASSERT_TRUE(load(*to, written(*from)).ok());
  EXPECT_EQ(sum_of_vshard(*to, kMoved), sum_of_vshard(*from, kMoved));
}

TEST_F(VShardSnapshotTest, AnEmptyOneIsWholeToo) {
  const auto from = source(0);
  const auto to = open("target");
  put_dictionary(*to);
  to->put(key_of(5), kMoved, "goes");
  checkpoint(*to, 9);
  ASSERT_TRUE(load(*to, written(*from)).ok());
  EXPECT_EQ(sum_of_vshard(*to, kMoved), Digest{});
}

// Whatever byte is wrong or missing: it is said, and nothing is changed.
TEST_F(VShardSnapshotTest, DamageIsFoundBeforeAnythingIsChanged) {
  const auto from = source(12);
  const std::string bytes = written(*from);
  const auto to = open("target");
  put_dictionary(*to);
  to->put(key_of(5), kMoved, "stays");
  checkpoint(*to, 9);
  const Digest before = sum_of_vshard(*to, kMoved);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    auto loaded = load(*to, flipped);
    ASSERT_FALSE(loaded.ok()) << "byte " << at;
    ASSERT_EQ(loaded.error().code(), ErrorCode::kCorrupted) << "byte " << at;
    ASSERT_FALSE(load(*to, bytes.substr(0, at)).ok()) << "cut at " << at;
  }
  EXPECT_FALSE(load(*to, bytes + "x").ok());
  EXPECT_EQ(sum_of_vshard(*to, kMoved), before);
}

TEST_F(VShardSnapshotTest, IsRefusedWhereKeysOrEnginesLieElsewhere) {
  const auto from = source(12);
  const std::string bytes = written(*from);
  const auto to = open("target");
  put_dictionary(*to, 2);
  checkpoint(*to, 9);
  EXPECT_EQ(load(*to, bytes, kPlacement + 1).error().code(), ErrorCode::kRejectedConstraint);
  auto loaded = load(*to, bytes);
  EXPECT_EQ(loaded.error().code(), ErrorCode::kRejectedConstraint);
  EXPECT_THAT(loaded.error().sentence(), HasSubstr("'toy'"));
}

}  // namespace
}  // namespace stator::core
