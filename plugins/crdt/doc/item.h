// What a document is made of. Everything refers by 32-bit index into the arrays of one Store.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "codec/update.h"
#include "doc/byte_arena.h"
#include "doc/clock_index.h"

namespace stator::crdt {

using Index = std::uint32_t;
inline constexpr Index kNone = 0xffff'ffff;

// An id with its client interned.
struct Point {
  Index client = kNone;
  std::uint32_t clock = 0;
  friend auto operator<=>(const Point&, const Point&) = default;
};

// A run of elements that one client inserted one behind the other; or, with kind kGc, a run of
// which nothing is known but that it existed.
struct Item {
  Point id;
  std::uint32_t length = 0;
  Index left = kNone;  // neighbours in the list, or among the values of one key
  Index right = kNone;
  Point origin;  // client kNone: none
  Point right_origin;
  Index parent = kNone;  // type
  Index key = kNone;     // of a map entry or attribute
  // kType: offset is the index of the type. kDeleted and kGc: see skip_to().
  Content content;
  std::uint32_t mark = 0;  // last conflict scan that met it
  ContentKind kind = ContentKind::kGc;
  bool deleted = false;

  bool is_gc() const { return kind == ContentKind::kGc; }
  Point last() const { return {id.client, id.clock + length - 1}; }
  // All of the client from here to that clock is deleted, and stays so: what a delete set may pass
  // over. For a deleted item.
  std::uint32_t skip_to() const {
    const std::uint32_t end = id.clock + length;
    return has_content() ? end : std::max(end, content.offset);
  }
  void set_skip_to(std::uint32_t clock) {
    if (!has_content()) content.offset = clock;
  }
  bool has_content() const { return kind != ContentKind::kDeleted && kind != ContentKind::kGc; }
};
static_assert(sizeof(Item) == 64, "one item is one cache line");

// The value of an item counts in the length of its list.
inline bool is_countable(ContentKind kind) {
  return kind != ContentKind::kDeleted && kind != ContentKind::kFormat;
}

// What a root has held so far: the only witness of its type (see README.md).
enum SeenContent : std::uint8_t {
  kSeenKeys = 1,
  kSeenText = 2,
  kSeenValues = 4,
  kSeenXml = 8,
};

// A shared type: a root, or the content of an item.
struct Type {
  TypeKind kind = TypeKind::kRoot;
  std::uint8_t seen = 0;  // SeenContent
  bool has_formatting = false;
  Index item = kNone;       // that holds it; kNone for a root
  Index name = kNone;       // of a root
  Index start = kNone;      // first item of the list
  std::vector<Index> keys;  // ever set, in order; values are in Store
  Content payload;          // as on the wire; not for a root
};

struct Client {
  std::uint64_t id = 0;
  std::uint32_t state = 0;   // first clock not known
  std::uint32_t before = 0;  // state when the running transaction began
  ClockIndex structs;
};

}  // namespace stator::crdt
