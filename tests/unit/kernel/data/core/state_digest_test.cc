#include "data/core/state_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/core/kernel_record.h"
#include "data/host/call_context.h"
#include "io/file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::core {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::uint8_t kPrimary = 1;
constexpr std::uint8_t kDerived = 2;

// A store of a data directory in which the engine "toy" has the number `toy`.
class Lane {
 public:
  Lane(const io::TempDirectory& directory, const std::string& name, std::uint16_t toy) : toy_(toy) {
    store::StoreOptions options;
    options.directory = directory.file(name);
    STATOR_ASSERT(io::posix_file_system().make_directory(options.directory).ok());
    store_ = store::Store::open(options).take();
    auto engine = std::make_unique<plugin::Engine>();
    engine->id = "toy";
    engine->number = EngineNumber{toy};
    engine->descriptor.derived_spaces = &kDerived;
    engine->descriptor.derived_space_count = 1;
    catalog_.engines().push_back(std::move(engine));
  }
  void put(const std::string& key, std::uint32_t vshard, const std::string& value,
           std::uint8_t space = kPrimary, std::uint32_t tenant = 1) {
    char prefix[store::kPrefixBytesMax + 1];
    std::string stored(prefix,
                       store::write_prefix(prefix, EngineNumber{toy_}, TenantId{tenant}, "c"));
    stored.push_back(static_cast<char>(space));
    store_->put(stored + key, VShardId{vshard}, value);
  }
  void checkpoint() {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{1}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
  }
  LaneDigests digests() { return digests_of(*store_, catalog_); }
  Digest toy() { return digests().owned["toy"]; }
  store::Store& store() { return *store_; }

 private:
  const std::uint16_t toy_;
  std::unique_ptr<store::Store> store_;
  plugin::Catalog catalog_;
};

class StateDigestTest : public testing::Test {
 protected:
  io::TempDirectory directory_;
};

TEST_F(StateDigestTest, IsOfTheEntriesNotOfTheirOrderPlaceOrEngineNumber) {
  Lane one(directory_, "one", 1);
  one.put("a", 1, "x");
  one.put("b", 2, "y");
  one.put("b", 2, "z");
  Lane other(directory_, "other", 7);
  other.put("b", 2, "z");
  other.checkpoint();
  other.put("a", 1, "x");
  EXPECT_EQ(one.toy(), other.toy());
  EXPECT_EQ(one.toy().entries, 2u);
  EXPECT_EQ(one.toy().hex().size(), 32u);
}

// As the first format of stores gave it: backups are compared over upgrades.
TEST_F(StateDigestTest, OfTheSameDataStaysWhatItWas) {
  Lane lane(directory_, "one", 7);
  lane.put("a", 1, "x");
  lane.put("key of a document", 250, std::string(300, 'v'), kPrimary, 70'000);
  lane.put("", 2, "");
  EXPECT_EQ(lane.toy().hex(), "989f3be5a454bde8a3ccba34aec416d2");
}

TEST_F(StateDigestTest, IsTheSumOfItsParts) {
  Lane whole(directory_, "whole", 1);
  Lane left(directory_, "left", 1);
  Lane right(directory_, "right", 1);
  for (std::uint32_t n = 0; n < 20; ++n) {
    for (Lane* lane : {&whole, n % 3 == 0 ? &left : &right}) lane->put(std::to_string(n), n, "v");
  }
  Digest sum = left.toy();
  sum.add(right.toy());
  EXPECT_EQ(sum, whole.toy());
}

TEST_F(StateDigestTest, TellsEveryDifference) {
  Lane lane(directory_, "lane", 1);
  std::vector<Digest> seen = {lane.toy()};
  const auto changed = [&] {
    const Digest now = lane.toy();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), now), 0);
    seen.push_back(now);
  };
  lane.put("a", 1, "x");
  changed();
  lane.put("a", 1, "y");
  changed();
  lane.put("a", 2, "y");
  changed();
  lane.put("ay", 2, "");  // the same bytes, cut elsewhere
  changed();
  lane.put("a", 2, "y", kPrimary, 9);
  changed();
}

TEST_F(StateDigestTest, DerivedSpacesAreLeftOut) {
  Lane lane(directory_, "lane", 1);
  lane.put("a", 1, "x");
  const Digest before = lane.toy();
  lane.put("a", 1, "x", kDerived);
  EXPECT_EQ(lane.toy(), before);
}

// Lanes do their parts of it one after the other.
TEST_F(StateDigestTest, LanesAgreeWhileATenantIsDropped) {
  Lane one(directory_, "one", kKernelEngine.value());
  Lane other(directory_, "other", kKernelEngine.value());
  one.put("mark", kEveryVShard.value(), "", kSpaceDropped, 0);
  EXPECT_EQ(one.digests().every, other.digests().every);
  one.put("kept by all", kEveryVShard.value(), "", kSpaceDropped + 1, 0);
  EXPECT_NE(one.digests().every, other.digests().every);
}

TEST_F(StateDigestTest, WhatEveryLaneKeepsIsApartAndUnknownEnginesHaveTheirDictionaryName) {
  Lane lane(directory_, "lane", 1);
  lane.put("index", kEveryVShard.value(), "x");
  lane.store().put(engine_number_key("absent"), kEveryVShard,
                   encode_engine_number(EngineNumber{5}, "absent"));
  lane.store().put(std::string("\5\1\1c\1k", 6), VShardId{3}, "of an engine left out");
  const LaneDigests sums = lane.digests();
  EXPECT_THAT(sums.owned, ElementsAre(Pair("absent", testing::Field(&Digest::entries, 1u))));
  EXPECT_EQ(sums.every.size(), 2u);
  EXPECT_EQ(sums.every.at("toy").entries, 1u);
  EXPECT_EQ(sums.every.at("kernel").entries, 1u);
}

}  // namespace
}  // namespace stator::core
