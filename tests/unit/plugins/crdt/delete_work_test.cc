// Delete sets and what waits: each update costs what it brings, whatever stands there already.
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "doc/document.h"
#include "doc/json_view.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

constexpr std::uint8_t kGc = 0;
constexpr std::uint8_t kString = 4;
constexpr std::uint8_t kType = 7;
constexpr std::uint32_t kTailUpdates = 1024;

void put(const std::string& bytes, Document& document) {
  Update update;
  const DecodeResult result = decode_update(bytes, update);
  ASSERT_EQ(result.fault, DecodeFault::kNone) << result.why;
  document.apply(update);
}

// `count` letters of client 1 that stay items of their own: none stands behind the one before.
std::string single_items(std::uint32_t count) {
  UpdateBuilder update;
  update.section(count, 1, 0);
  for (std::uint32_t i = 0; i < count; ++i) update.in_root(kString, "t").text("x");
  return update.take();
}

// A document of nothing but tombstones that do not join.
Document tombstones(std::uint32_t count) {
  Document document;
  put(single_items(count), document);
  put(UpdateBuilder().deletes(1, 0, count).take(), document);
  EXPECT_EQ(document.store().struct_count(), count);
  return document;
}

// Steps that the update costs.
std::uint64_t steps_of(const std::string& update, Document& document) {
  const std::uint64_t before = document.store().erase_steps();
  put(update, document);
  return document.store().erase_steps() - before;
}

std::uint32_t log2_of(std::uint32_t n) {
  std::uint32_t log = 0;
  while (n >>= 1) ++log;
  return log;
}

TEST(DeleteWorkTest, PassesOverWhatIsDeletedInFewSteps) {
  constexpr std::uint32_t kItems = 100'000;
  Document document = tombstones(kItems);
  const std::string all = UpdateBuilder().deletes(1, 0, kItems).take();
  std::uint64_t steps = 0;
  for (std::uint32_t i = 0; i < kTailUpdates; ++i) steps += steps_of(all, document);
  // Each item looked at once an update would be 102 million.
  EXPECT_LT(steps, 2 * kItems + kTailUpdates * 2);
  EXPECT_LE(steps_of(all, document), 2u);
}

TEST(DeleteWorkTest, PassesFromAnywhereToAnywhereInFewSteps) {
  constexpr std::uint32_t kItems = 100'000;
  Document document = tombstones(kItems);
  std::mt19937 random(1);
  std::uint64_t steps = 0;
  for (std::uint32_t i = 0; i < kTailUpdates; ++i) {
    const auto first = static_cast<std::uint32_t>(random() % (kItems / 2));
    const auto length = static_cast<std::uint32_t>(kItems / 4 + random() % (kItems / 4));
    steps += steps_of(UpdateBuilder().deletes(1, first, length).take(), document);
  }
  EXPECT_LT(steps, (kItems + kTailUpdates) * log2_of(kItems));
}

TEST(DeleteWorkTest, ReopensATailOfUpdatesThatDeleteWhatIsDeleted) {
  constexpr std::uint32_t kItems = 100'000;
  const std::string image = tombstones(kItems).encode_state();
  Document opened;
  put(image, opened);
  const std::uint64_t loaded = opened.store().erase_steps();
  EXPECT_LE(loaded, kItems);
  for (std::uint32_t i = 0; i < kTailUpdates; ++i) {
    put(UpdateBuilder().deletes(1, i, kItems - 2 * i).take(), opened);
  }
  EXPECT_LT(opened.store().erase_steps() - loaded, 2 * kItems + kTailUpdates * 4);
}

TEST(DeleteWorkTest, ManyRangesThatCoverAllAreOne) {
  constexpr std::uint32_t kItems = 10'000;
  constexpr std::uint32_t kRanges = 65'536;
  Document document;
  put(single_items(kItems), document);
  const std::string all =
      UpdateBuilder().deletes(1, std::vector<ClockRange>(kRanges, {0, kItems})).take();
  EXPECT_LE(steps_of(all, document), kItems);
  EXPECT_LE(steps_of(all, document), kItems);
  std::vector<ClockRange> nested;  // overlapping, from the back to the front
  for (std::uint32_t i = 0; i < kItems / 2; ++i) nested.push_back({kItems - 1 - i, i + 1});
  EXPECT_LE(steps_of(UpdateBuilder().deletes(1, nested).take(), document), kItems / 2);
}

TEST(DeleteWorkTest, RangesOfOneElementAmongTheDeletedCostAStepEach) {
  constexpr std::uint32_t kItems = 100'000;
  Document document = tombstones(kItems);
  std::vector<ClockRange> ranges;
  for (std::uint32_t i = 0; i < kItems; i += 3) ranges.push_back({i, 2});
  EXPECT_LE(steps_of(UpdateBuilder().deletes(1, ranges).take(), document), kItems);
  for (ClockRange& range : ranges) range.length = 1;
  EXPECT_LE(steps_of(UpdateBuilder().deletes(1, ranges).take(), document), ranges.size());
}

TEST(DeleteWorkTest, FindsTheFewLivingAmongTheDeletedInFewSteps) {
  constexpr std::uint32_t kItems = 100'000;
  constexpr std::uint32_t kApart = 1000;
  Document document;
  put(single_items(kItems), document);
  std::vector<ClockRange> dead;
  for (std::uint32_t i = 0; i < kItems; i += kApart) dead.push_back({i, kApart - 1});
  for (int i = 0; i < 20; ++i) put(UpdateBuilder().deletes(1, dead).take(), document);
  const std::uint32_t living = kItems / kApart;
  EXPECT_LT(steps_of(UpdateBuilder().deletes(1, 0, kItems).take(), document), living * 4);
  EXPECT_EQ(document.store().deleted().at(1), (std::vector<ClockRange>{{0, kItems}}));
}

TEST(DeleteWorkTest, PassesOverWhatWasDeletedWithItsParent) {
  constexpr std::uint32_t kItems = 50'000;
  UpdateBuilder update;
  update.section(1 + kItems, 1, 0).in_root(kType, "m").uint(0);
  for (std::uint32_t i = 0; i < kItems; ++i) update.in_item(kString, 1, 0).text("x");
  Document document;
  put(update.take(), document);
  put(UpdateBuilder().deletes(1, 0, 1).take(), document);
  const std::string all = UpdateBuilder().deletes(1, 0, kItems + 1).take();
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_LE(steps_of(all, document), 3u);
}

TEST(DeleteWorkTest, WaitingRangesCostWhenTheirElementsCome) {
  constexpr std::uint32_t kRanges = 65'536;
  Document document;
  std::vector<ClockRange> ranges;
  for (std::uint32_t i = kRanges; i > 0; --i) ranges.push_back({i * 2, 1});
  put(UpdateBuilder().deletes(1, ranges).take(), document);
  EXPECT_EQ(document.pending_parts(), kRanges);
  for (std::uint32_t i = 0; i < kTailUpdates; ++i) {
    put(UpdateBuilder().section(1, 1, i).in_root(kString, "t").text("x").take(), document);
    put(UpdateBuilder().deletes(1, kRanges * 4 + i * 2, 1).take(), document);  // waits too
  }
  EXPECT_LT(document.pending_steps(), kRanges + kTailUpdates * 4);
  EXPECT_EQ(document.pending_parts(), kRanges + kTailUpdates - kTailUpdates / 2 + 1);
}

// Each struct of client 1 waits for one of client 2, which come one by one.
TEST(PendingWorkTest, AnUpdateCostsWhatItFreesAndNotWhatWaits) {
  constexpr std::uint32_t kStructs = 30'000;
  UpdateBuilder waiting;
  waiting.section(kStructs, 1, 0);
  for (std::uint32_t i = 0; i < kStructs; ++i) waiting.behind(kString, 2, i).text("a");
  Document document;
  put(waiting.take(), document);
  EXPECT_EQ(document.pending_parts(), kStructs);
  for (std::uint32_t i = 0; i < kTailUpdates; ++i) {
    put(UpdateBuilder().section(1, 2, i).in_root(kString, "t").text("b").take(), document);
    EXPECT_EQ(document.store().state(1), i + 1);
  }
  EXPECT_LT(document.pending_steps(), kStructs * 2 + kTailUpdates * 4);
  EXPECT_EQ(document.pending_parts(), kStructs - kTailUpdates);
}

TEST(PendingWorkTest, TheSameAgainWaitsOnce) {
  const std::string waiting =
      UpdateBuilder().section(1, 1, 0).behind(kString, 2, 0).text("a").take();
  Document document;
  for (int i = 0; i < 100; ++i) put(waiting, document);
  EXPECT_EQ(document.pending_parts(), 1u);
}

// Each needs what the other brings, so that neither can ever go in: it counts as waiting.
TEST(PendingWorkTest, StructsThatWaitForEachOtherWait) {
  const std::string update = UpdateBuilder()
                                 .section(1, 2, 0)
                                 .behind(kString, 1, 0)
                                 .text("a")
                                 .section(1, 1, 0)
                                 .behind(kString, 2, 0)
                                 .text("b")
                                 .take();
  Update decoded;
  ASSERT_EQ(decode_update(update, decoded).fault, DecodeFault::kNone);
  Document document;
  EXPECT_TRUE(document.would_wait(decoded));
  document.apply(decoded);
  EXPECT_EQ(document.pending_parts(), 2u);
}

// Client 1 waits for 2, 2 for 3, and so on; the last comes last.
TEST(PendingWorkTest, AChainOfClientsIsFreedAtOnce) {
  constexpr std::uint32_t kClients = 2000;
  Document document;
  for (std::uint32_t i = 1; i < kClients; ++i) {
    put(UpdateBuilder().section(1, i, 0).behind(kString, i + 1, 0).text("a").take(), document);
    put(UpdateBuilder().deletes(i, 0, 1).take(), document);
  }
  EXPECT_EQ(document.pending_parts(), 2 * (kClients - 1));
  put(text_update(kClients, "t", "z"), document);
  EXPECT_FALSE(document.has_pending());
  EXPECT_LT(document.pending_steps(), kClients * 6);
}

// What waits overlaps: a longer form of a struct, one from its middle on, and what was known before
// the origin came. Cached or read back, the document is the same.
TEST(PendingWorkTest, OverlappingStructsThatWaitAreCutAsInTheStoredForm) {
  const std::vector<std::string> updates = {
      UpdateBuilder().section(1, 1, 3).behind(kString, 9, 0).text("defgh").take(),
      UpdateBuilder().section(1, 1, 2).behind(kString, 1, 1).text("cdef").take(),
      UpdateBuilder().section(1, 1, 3).behind(kString, 9, 0).text("defghij").take(),
      text_update(1, "t", "abcd"),
  };
  Document cached;
  Document stored;
  for (const std::string& update : updates) {
    put(update, cached);
    put(update, stored);
    Document read_back;
    put(stored.encode_state(), read_back);
    EXPECT_EQ(read_back.encode_state_vector(), cached.encode_state_vector());
    EXPECT_EQ(read_back.has_pending(), cached.has_pending());
    stored = std::move(read_back);
  }
  EXPECT_EQ(cached.store().state(1), 10u);
  EXPECT_FALSE(cached.has_pending());
  EXPECT_EQ(stored.encode_state(), cached.encode_state());
}

// A document and what it should be, by the simplest means.
struct Model {
  std::uint32_t state = 0;
  std::set<std::uint32_t> dead;  // also of elements that have not come
  std::vector<ClockRange> known_dead() const {
    std::vector<ClockRange> out;
    for (const std::uint32_t clock : dead) {
      if (clock >= state) break;
      if (!out.empty() && out.back().end() == clock) {
        ++out.back().length;
      } else {
        out.push_back({clock, 1});
      }
    }
    return out;
  }
};

class RandomDeletesTest : public testing::Test {
 protected:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  void write(std::uint64_t client) {
    Model& model = models_[client];
    const std::uint32_t length = 1 + below(8);
    UpdateBuilder update;
    update.section(1, client, model.state);
    if (below(12) == 0) {
      update.u8(kGc).uint(length);
      for (std::uint32_t i = 0; i < length; ++i) model.dead.insert(model.state + i);
    } else {
      // Behind the element before it, which makes the two one item; or at the start.
      const bool is_next = model.state > 0 && below(3) != 0 && !is_gc(client, model.state - 1);
      is_next ? update.behind(kString, client, model.state - 1) : update.in_root(kString, "t");
      update.text(std::string(length, 'x'));
    }
    model.state += length;
    put(update.take(), document_);
  }
  bool is_gc(std::uint64_t client, std::uint32_t clock) const {
    const Store& store = document_.store();
    for (const Client& c : store.clients()) {
      if (c.id == client) return store.item(c.structs.at(c.structs.find(clock)).item).is_gc();
    }
    return false;
  }
  void erase() {
    UpdateBuilder update;
    for (auto& [client, model] : models_) {
      if (below(2) == 0) continue;
      std::vector<ClockRange> ranges(1 + below(5));
      for (ClockRange& range : ranges) {
        range = {below(model.state + 20), 1 + below(below(8) == 0 ? model.state + 10 : 6)};
        for (std::uint32_t i = 0; i < range.length; ++i) model.dead.insert(range.clock + i);
      }
      update.deletes(client, ranges);
    }
    put(update.take(), document_);
  }
  void check() {
    std::size_t living = 0;
    const DeleteSet deleted = document_.store().deleted();
    for (const auto& [client, model] : models_) {
      const auto found = deleted.find(client);
      const std::vector<ClockRange> dead =
          found == deleted.end() ? std::vector<ClockRange>() : found->second;
      EXPECT_EQ(dead, model.known_dead());
      std::size_t known = model.state;
      for (const ClockRange& range : dead) known -= range.length;
      living += known;
    }
    json::StringOut text;
    json::Writer out(text);
    ASSERT_EQ(JsonView(document_.store(), {}).write(out), ViewResult::kDone);
    EXPECT_EQ(text.take(), "{\"t\":\"" + std::string(living, 'x') + "\"}");
    Document loaded;
    put(document_.encode_state(), loaded);
    EXPECT_EQ(loaded.encode_state(), document_.encode_state());
  }

  std::mt19937 random_{7};
  std::map<std::uint64_t, Model> models_;
  Document document_;
};

TEST_F(RandomDeletesTest, AreThoseOfTheModel) {
  for (int round = 0; round < 60; ++round) {
    document_ = Document();
    models_.clear();
    put(text_update(99, "t", "x"), document_);
    models_[99].state = 1;
    for (int i = 0; i < 60; ++i) {
      for (std::uint64_t client = 1; client <= 3; ++client) write(client);
      erase();
      if (below(10) == 0) {
        Document loaded;
        put(document_.encode_state(), loaded);
        document_ = std::move(loaded);
      }
    }
    check();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace stator::crdt
