// Concurrent inserts at one place: the same order as the plain scan of YATA, in bounded steps.
#include <algorithm>
#include <random>
#include <unordered_map>

#include <gtest/gtest.h>

#include "doc/document.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

constexpr std::uint8_t kDeleted = 1;
constexpr std::uint8_t kString = 4;
constexpr std::uint8_t kAny = 8;

void put(const std::string& bytes, Document& document) {
  Update update;
  const DecodeResult result = decode_update(bytes, update);
  ASSERT_EQ(result.fault, DecodeFault::kNone) << result.why;
  document.apply(update);
}

struct Id {
  std::uint64_t client = 0;  // 0: none
  std::uint32_t clock = 0;
  friend bool operator==(const Id&, const Id&) = default;
};

// Elements by the rule of yjs to the letter, each scan from its origin on: quadratic, and right.
class PlainList {
 public:
  void insert(Id first, std::uint32_t length, Id origin, Id right) {
    for (std::uint32_t i = 0; i < length; ++i) {
      const Id id{first.client, first.clock + i};
      elements_.push_back({id, origin, right});
      place(elements_.size() - 1);
      index_[key(id)] = elements_.size() - 1;
      origin = id;
    }
  }
  // What no editor can have meant: a right origin within the subtree of a sibling.
  bool is_torn(Id origin, Id right) const {
    if (right.client == 0 || element(right).origin == origin) return false;
    for (Id id = element(right).origin; id.client != 0; id = element(id).origin) {
      if (id == origin) return true;
    }
    return origin.client == 0;
  }
  std::vector<Id> ids() const {
    std::vector<Id> out;
    for (const std::size_t i : order_) out.push_back(elements_[i].id);
    return out;
  }
  Id at(std::size_t position) const { return elements_[order_[position]].id; }
  std::size_t size() const { return order_.size(); }

 private:
  struct Element {
    Id id;
    Id origin;
    Id right;
    std::size_t seen = 0;
    std::size_t conflict = 0;
  };
  static std::uint64_t key(Id id) { return id.client << 32 | id.clock; }
  const Element& element(Id id) const { return elements_[index_.at(key(id))]; }
  std::ptrdiff_t position(Id id) const {
    if (id.client == 0) return -1;
    return std::find(order_.begin(), order_.end(), index_.at(key(id))) - order_.begin();
  }
  void place(std::size_t index) {
    const Element self = elements_[index];
    const std::ptrdiff_t left = position(self.origin);
    const std::ptrdiff_t right = self.right.client == 0 ? -1 : position(self.right);
    std::ptrdiff_t place = left + 1;
    const std::size_t scan = ++scans_;
    std::size_t conflicts = ++scans_;
    if (right != left + 1) {
      for (std::ptrdiff_t i = left + 1; i < static_cast<std::ptrdiff_t>(order_.size()); ++i) {
        if (i == right) break;
        Element& other = elements_[order_[static_cast<std::size_t>(i)]];
        other.seen = scan;
        other.conflict = conflicts;
        bool passes = false;
        if (other.origin == self.origin) {
          passes = other.id.client < self.id.client;
          if (!passes && other.right == self.right) break;
        } else {
          if (other.origin.client == 0 || element(other.origin).seen != scan) break;
          passes = element(other.origin).conflict != conflicts;
        }
        if (!passes) continue;
        place = i + 1;
        conflicts = ++scans_;
      }
    }
    order_.insert(order_.begin() + place, index);
  }

  std::vector<Element> elements_;
  std::vector<std::size_t> order_;
  std::unordered_map<std::uint64_t, std::size_t> index_;
  std::size_t scans_ = 0;
};

std::vector<Id> ids_of(const Document& document) {
  std::vector<Id> out;
  const Store& store = document.store();
  for (Index i = store.type(store.roots().front()).start; i != kNone; i = store.item(i).right) {
    const Item& item = store.item(i);
    for (std::uint32_t k = 0; k < item.length; ++k) {
      out.push_back({store.clients()[item.id.client].id, item.id.clock + k});
    }
  }
  return out;
}

std::string insertion(Id id, std::string_view text, Id origin, Id right) {
  UpdateBuilder out;
  out.section(1, id.client, id.clock);
  if (origin.client == 0 && right.client == 0) return out.in_root(kString, "t").text(text).take();
  out.u8(static_cast<std::uint8_t>(kString | (origin.client != 0 ? 0x80 : 0) |
                                   (right.client != 0 ? 0x40 : 0)));
  if (origin.client != 0) out.id(origin.client, origin.clock);
  if (right.client != 0) out.id(right.client, right.clock);
  return out.text(text).take();
}

// Random inserts, of which a share has origins that no editor would write, and random deletes.
void expect_the_order_of_the_plain_scan(unsigned seed, std::uint32_t clients, unsigned wild) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::unordered_map<std::uint64_t, std::uint32_t> clocks;
  PlainList plain;
  Document document;
  for (int i = 0; i < 1500; ++i) {
    Id id{1 + below(clients), 0};
    id.clock = clocks[id.client];
    Id origin;
    Id right;
    // Most gather at few places, so that scans are long; always 0 is the start of the list.
    const std::size_t size = plain.size();
    const std::size_t at = size == 0 ? 0 : std::min(size, below(4) * (size / 4) / (1 + below(2)));
    if (at > 0) origin = plain.at(at - 1);
    const bool is_wild = below(100) < wild;
    const std::size_t until = is_wild ? below(size + 1) : std::min(size, at + below(3) * below(9));
    if (until < size) right = plain.at(until);
    if (is_wild && size > 0 && below(2) == 0) origin = plain.at(below(size));
    if (plain.is_torn(origin, right)) right = {};
    const std::string text(1 + below(3), static_cast<char>('a' + i % 26));
    plain.insert(id, static_cast<std::uint32_t>(text.size()), origin, right);
    put(insertion(id, text, origin, right), document);
    clocks[id.client] += static_cast<std::uint32_t>(text.size());
    if (below(4) == 0) {
      const Id gone = plain.at(below(plain.size()));
      put(UpdateBuilder().deletes(gone.client, gone.clock, 1 + below(2)).take(), document);
    }
    if (i % 250 == 249) {
      ASSERT_TRUE(ids_of(document) == plain.ids()) << seed << " " << i;
    }
  }
  ASSERT_GT(document.store().indexed_items(), 0u) << seed;
}

TEST(ConflictTest, OrdersAsThePlainScanWithAnIndexAndWithout) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    expect_the_order_of_the_plain_scan(seed, seed % 2 == 0 ? 7 : 1000, seed % 4 < 2 ? 5 : 60);
  }
}

// Order and state do not depend on where the index begins to hold a list.
TEST(ConflictTest, LoadsWhatItStoredToTheSameOrder) {
  constexpr std::uint64_t kClients = 3000;
  std::mt19937 random(7);
  std::vector<std::uint64_t> clients(kClients);
  for (std::uint64_t i = 0; i < kClients; ++i) clients[i] = i + 1;
  std::shuffle(clients.begin(), clients.end(), random);
  Document document;
  for (const std::uint64_t client : clients) put(text_update(client, "t", "ab"), document);
  Document loaded;
  put(document.encode_state(), loaded);
  EXPECT_EQ(ids_of(loaded), ids_of(document));
  EXPECT_EQ(loaded.encode_state(), document.encode_state());
}

// ---- hostile shapes: steps, not time ----

// Looking into an index costs some nodes per level; a scan over all would cost thousands.
constexpr std::uint64_t kStepsPerItem = 60;
constexpr std::uint64_t kMany = 50'000;

void expect_few_steps(const std::string& update) {
  Document document;
  put(update, document);
  EXPECT_FALSE(document.has_pending());
  EXPECT_GE(document.store().struct_count(), kMany / 2);
  EXPECT_LT(document.store().conflict_steps(), kStepsPerItem * kMany);
  // And what was stored opens again as cheaply.
  Document loaded;
  put(document.encode_state(), loaded);
  EXPECT_LT(loaded.store().conflict_steps(), kStepsPerItem * kMany);
  EXPECT_EQ(loaded.encode_state(), document.encode_state());
}

TEST(ConflictTest, PlacesManyClientsAtTheStartInFewSteps) {
  for (const bool ascending : {true, false}) {
    UpdateBuilder update;
    for (std::uint64_t i = 1; i <= kMany; ++i) {
      update.section(1, ascending ? i : kMany + 1 - i, 0).in_root(kString, "t").text("x");
    }
    expect_few_steps(update.take());
  }
}

TEST(ConflictTest, PlacesManyClientsBehindOneElementInFewSteps) {
  UpdateBuilder update;
  update.section(1, 1, 0).in_root(kString, "t").text("ab");
  for (std::uint64_t i = 0; i < kMany; ++i) {
    update.section(1, 2 + (i * 7919) % kMany, 0).behind(kString, 1, 0).text("x");
  }
  expect_few_steps(update.take());
}

// One client that contradicts itself: all items have one origin, each its own right origin.
TEST(ConflictTest, PlacesSiblingsWithManyRightOriginsInFewSteps) {
  UpdateBuilder update;
  update.section(1, 9, 0).in_root(kString, "t").text(std::string(kMany, 'r'));
  update.section(kMany, 5, 0);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    update.u8(kString | 0xC0).id(9, 0).id(9, kMany - 1 - i % (kMany - 1)).text("x");
  }
  expect_few_steps(update.take());
}

// Each item must pass the whole subtree of the one that it competes with.
TEST(ConflictTest, PassesDeepSubtreesInFewSteps) {
  constexpr std::uint64_t kHalf = kMany / 2;
  UpdateBuilder update;
  for (std::uint64_t i = 0; i < kHalf; ++i) {
    update.section(1, 1 + i, 0);
    if (i == 0) {
      update.in_root(kString, "t");
    } else {
      update.behind(kString, i, 0);
    }
    update.text("x");
  }
  for (std::uint64_t i = 0; i < kHalf; ++i) {
    update.section(1, 1'000'000 + i, 0).behind(kString, 1 + i, 0).text("y");
  }
  expect_few_steps(update.take());
}

TEST(ConflictTest, PlacesManyValuesOfOneKeyInFewSteps) {
  UpdateBuilder update;
  for (std::uint64_t i = 1; i <= kMany; ++i) {
    update.section(1, kMany + 1 - i, 0).in_root(kAny | 0x20, "m").text("k").uint(1).u8(120);
  }
  expect_few_steps(update.take());
}

TEST(ConflictTest, ForgetsListsThatAreGone) {
  Document document;
  put(UpdateBuilder().section(1, 1, 0).in_root(7, "a").uint(0).take(), document);
  for (std::uint64_t i = 2; i < 1000; ++i) {
    put(UpdateBuilder().section(1, i, 0).in_item(kString, 1, 0).text("x").take(), document);
  }
  EXPECT_GT(document.store().indexed_items(), 0u);
  put(UpdateBuilder().deletes(1, 0, 1).take(), document);
  EXPECT_EQ(document.store().indexed_items(), 0u);
}

TEST(ConflictTest, KeepsItsIndexWhileRunsAreCutAndJoined) {
  Document document;
  for (std::uint64_t i = 1; i < 1000; ++i) put(text_update(i, "t", "xyz"), document);
  const std::size_t before = document.store().indexed_items();
  EXPECT_EQ(before, 999u);
  put(UpdateBuilder().deletes(5, 1, 1).take(), document);
  EXPECT_EQ(document.store().indexed_items(), before + 2);
  put(UpdateBuilder().deletes(5, 0, 3).take(), document);
  EXPECT_EQ(document.store().indexed_items(), before);
}

// The right origin within a sibling's subtree does not end the search: the order is that of the
// siblings, whichever comes first.
TEST(ConflictTest, IgnoresARightOriginWithinASubtree) {
  const std::string base = UpdateBuilder()
                               .section(1, 3, 0)
                               .in_root(kString, "t")
                               .text("ab")
                               .section(1, 2, 0)
                               .behind(kString, 3, 0)
                               .text("c")
                               .take();
  const std::string torn = insertion({9, 0}, "N", {}, {2, 0});
  const std::string other = insertion({5, 0}, "M", {}, {});
  Document a;
  Document b;
  put(base, a);
  put(base, b);
  put(torn, a);
  put(other, a);
  put(other, b);
  put(torn, b);
  EXPECT_EQ(ids_of(a), ids_of(b));
  EXPECT_EQ(ids_of(a), (std::vector<Id>{{3, 0}, {2, 0}, {3, 1}, {5, 0}, {9, 0}}));
}

TEST(ConflictTest, CountsDeletedItemsAsOthers) {
  UpdateBuilder update;
  for (std::uint64_t i = 1; i <= kMany; ++i) {
    update.section(1, kMany + 1 - i, 0).in_root(kDeleted, "t").uint(1);
  }
  expect_few_steps(update.take());
}

}  // namespace
}  // namespace stator::crdt
