// The file format of LMDB 0.9.24 on a 64-bit little-endian machine, from its documentation and its
// behaviour: pages of a 16-byte header (number u64, pad u16, flags u16, lower u16, upper u16, or
// the number of overflow pages u32), offsets of nodes u16, nodes at the end. A node: u32 bytes of
// data (in branches: page number 48 bits), flags u16, bytes of key u16, key, data.
#include "data/store/lmdb_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "data/store/entry_digest.h"
#include "data/store/stored_value.h"

namespace stator::store {
namespace {

constexpr std::size_t kHeader = 16;
constexpr std::size_t kNodeHeader = 8;
constexpr std::size_t kTreeBytes = 48;
constexpr std::size_t kDepthMax = 32;  // LMDB's own limit
// Pages behind the end of the file that a transaction may have taken and given back unwritten.
constexpr std::uint64_t kUnwrittenMax = std::uint64_t{1} << 22;
constexpr std::uint64_t kNone = ~std::uint64_t{0};
constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint32_t kVersion = 1;

enum PageFlags : std::uint16_t { kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8 };
enum NodeFlags : std::uint16_t { kBig = 1, kSubTree = 2 };
enum TreeFlags : std::uint16_t { kIntegerKeys = 8 };

template <class T>
T field(ByteView bytes, std::size_t at) {
  return load_little<T>(bytes.data() + at);
}

// A tree as its parent describes it.
struct Tree {
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branches = 0;
  std::uint64_t leaves = 0;
  std::uint64_t overflows = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = kNone;
};

Tree read_tree(ByteView bytes) {
  return {.flags = field<std::uint16_t>(bytes, 4),
          .depth = field<std::uint16_t>(bytes, 6),
          .branches = field<std::uint64_t>(bytes, 8),
          .leaves = field<std::uint64_t>(bytes, 16),
          .overflows = field<std::uint64_t>(bytes, 24),
          .entries = field<std::uint64_t>(bytes, 32),
          .root = field<std::uint64_t>(bytes, 40)};
}

struct Meta {
  Tree free;
  Tree main;
  std::uint32_t page_bytes = 0;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};

struct Node {
  std::uint32_t low = 0;
  std::uint16_t flags = 0;
  ByteView key;
  ByteView rest;  // behind the key, to the end of the page
  std::uint64_t child() const { return low | std::uint64_t{flags} << 32; }
};

enum class Kind { kFree, kMain, kData, kMeta };

class Checker {
 public:
  Checker(io::File& file, const std::string& path) : file_(file), path_(path) {}
  Result<CheckedFile> run();

 private:
  struct Range {
    std::optional<ByteView> lower;  // inclusive
    std::optional<ByteView> upper;  // exclusive
  };
  struct Walk {
    Kind kind;
    Tree expected;
    Tree found;
  };

  Error damaged(std::uint64_t page, const std::string& what) const {
    return Error(ErrorCode::kCorrupted, "the store file " + path_ + " is damaged: page " +
                                            std::to_string(page) + ": " + what +
                                            "; nothing of it is served: restore a backup");
  }
  Result<Meta> read_meta(std::uint64_t number, std::size_t offset);
  Status read(std::uint64_t offset, std::size_t size, ByteBuffer& to);
  Status use(std::uint64_t page);
  Status walk_tree(Kind kind, const Tree& tree);
  Status walk_page(Walk& walk, std::uint64_t page, std::size_t level, const Range& range);
  Status check_page(std::uint64_t page, ByteView bytes) const;
  Status check_order(const Walk& walk, std::uint64_t page, const std::vector<Node>& nodes,
                     const Range& range) const;
  Result<std::vector<Node>> read_nodes(std::uint64_t page, ByteView bytes, bool is_leaf) const;
  Status walk_leaf(Walk& walk, std::uint64_t page, const std::vector<Node>& nodes);
  Result<ByteView> value_of(Walk& walk, std::uint64_t page, const Node& node);
  Status take(Kind kind, std::uint64_t page, const Node& node, ByteView value);
  Status take_free(std::uint64_t page, ByteView key, ByteView value);

  io::File& file_;
  const std::string path_;
  std::uint64_t pages_in_file_ = 0;
  Meta meta_;
  std::vector<bool> is_used_;
  std::set<std::uint64_t> free_beyond_;  // free pages that were never written
  std::array<ByteBuffer, kDepthMax> levels_;
  ByteBuffer value_;
  std::vector<std::pair<Kind, Tree>> subtrees_;
  CheckedFile result_;
};

Status Checker::read(std::uint64_t offset, std::size_t size, ByteBuffer& to) {
  to.clear();
  STATOR_CHECK(file_.read_into(offset, size, to));
  if (to.size() == size) return ok_status();
  return damaged(meta_.page_bytes == 0 ? 0 : offset / meta_.page_bytes, "the file ends before it");
}

Result<Meta> Checker::read_meta(std::uint64_t number, std::size_t offset) {
  STATOR_CHECK(read(offset, kHeader + 136, value_));
  const ByteView page = value_.view();
  const ByteView bytes = page.substr(kHeader);
  const bool is_meta = field<std::uint64_t>(page, 0) == number &&
                       field<std::uint16_t>(page, 10) == kMeta &&
                       field<std::uint32_t>(bytes, 0) == kMagic;
  if (!is_meta) return damaged(number, "it is no page of LMDB");
  if (field<std::uint32_t>(bytes, 4) != kVersion)
    return damaged(number, "another version of LMDB wrote it");
  Meta meta;
  meta.page_bytes = field<std::uint32_t>(bytes, 24);
  meta.free = read_tree(bytes.substr(24));
  meta.main = read_tree(bytes.substr(24 + kTreeBytes));
  meta.last_page = field<std::uint64_t>(bytes, 120);
  meta.transaction = field<std::uint64_t>(bytes, 128);
  const std::uint32_t size = meta.page_bytes;
  if (size < 512 || size > 32768 || (size & (size - 1)) != 0)
    return damaged(number, "its page size is impossible");
  return meta;
}

Result<CheckedFile> Checker::run() {
  STATOR_TRY(const std::uint64_t bytes, file_.size());
  if (bytes == 0) return result_;
  STATOR_TRY(const Meta first, read_meta(0, 0));
  STATOR_TRY(const Meta second, read_meta(1, first.page_bytes));
  if (first.page_bytes != second.page_bytes)
    return damaged(1, "its page size is another one than page 0 says");
  meta_ = first.transaction < second.transaction ? second : first;
  pages_in_file_ = bytes / meta_.page_bytes;
  if (meta_.last_page >= pages_in_file_ + kUnwrittenMax)
    return damaged(0, "its last page is impossible");
  is_used_.resize(pages_in_file_);
  if (meta_.free.flags != kIntegerKeys || meta_.main.flags != 0)
    return damaged(0, "its flags are unknown");
  STATOR_CHECK(walk_tree(Kind::kMain, meta_.main));
  for (std::size_t i = 0; i < subtrees_.size(); ++i)
    STATOR_CHECK(walk_tree(subtrees_[i].first, subtrees_[i].second));
  STATOR_CHECK(walk_tree(Kind::kFree, meta_.free));
  return result_;
}

Status Checker::use(std::uint64_t page) {
  if (page < 2 || page > meta_.last_page || page >= pages_in_file_)
    return damaged(page, "there is no such page");
  if (is_used_[page]) return damaged(page, "it is used twice");
  is_used_[page] = true;
  ++result_.pages;
  return ok_status();
}

Status Checker::walk_tree(Kind kind, const Tree& tree) {
  Walk walk{kind, tree, {}};
  if (tree.root != kNone) {
    if (tree.depth < 1 || tree.depth > kDepthMax)
      return damaged(tree.root, "the depth of its tree is impossible");
    STATOR_CHECK(walk_page(walk, tree.root, 1, {}));
  }
  const bool is_as_said =
      walk.found.branches == tree.branches && walk.found.leaves == tree.leaves &&
      walk.found.overflows == tree.overflows && walk.found.entries == tree.entries &&
      (tree.root != kNone || tree.depth == 0);
  if (!is_as_said)
    return damaged(tree.root, "its tree does not have the pages and entries that it should");
  return ok_status();
}

Status Checker::check_page(std::uint64_t page, ByteView bytes) const {
  if (field<std::uint64_t>(bytes, 0) != page)
    return damaged(page, "it says that it is another one");
  const std::size_t lower = field<std::uint16_t>(bytes, 12);
  const std::size_t upper = field<std::uint16_t>(bytes, 14);
  if (lower < kHeader || lower % 2 != 0 || lower > upper || upper > bytes.size()) {
    return damaged(page, "its bounds are impossible");
  }
  return ok_status();
}

// Nodes may not overlap: LMDB moves them by their sizes when one is removed.
Result<std::vector<Node>> Checker::read_nodes(std::uint64_t page, ByteView bytes,
                                              bool is_leaf) const {
  STATOR_CHECK(check_page(page, bytes));
  const std::size_t upper = field<std::uint16_t>(bytes, 14);
  const std::size_t count = (field<std::uint16_t>(bytes, 12) - kHeader) / 2;
  std::vector<Node> nodes;
  nodes.reserve(count);
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  spans.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = field<std::uint16_t>(bytes, kHeader + 2 * i);
    if (at < upper || at % 2 != 0 || at + kNodeHeader > bytes.size())
      return damaged(page, "a node lies outside");
    Node node;
    node.low = field<std::uint32_t>(bytes, at);
    node.flags = field<std::uint16_t>(bytes, at + 4);
    const std::size_t key_bytes = field<std::uint16_t>(bytes, at + 6);
    if (at + kNodeHeader + key_bytes > bytes.size()) return damaged(page, "a key lies outside");
    node.key = bytes.substr(at + kNodeHeader, key_bytes);
    node.rest = bytes.substr(at + kNodeHeader + key_bytes);
    const std::size_t value_bytes = !is_leaf ? 0 : (node.flags & kBig) != 0 ? 8 : node.low;
    if (value_bytes > node.rest.size()) return damaged(page, "a value lies outside");
    spans.emplace_back(at, at + kNodeHeader + key_bytes + value_bytes);
    nodes.push_back(node);
  }
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < count; ++i) {
    if (spans[i].first < spans[i - 1].second) return damaged(page, "two nodes overlap");
  }
  return nodes;
}

Status Checker::check_order(const Walk& walk, std::uint64_t page, const std::vector<Node>& nodes,
                            const Range& range) const {
  const auto is_less = [&](ByteView a, ByteView b) {
    if (walk.kind != Kind::kFree) return a < b;
    return field<std::uint64_t>(a, 0) < field<std::uint64_t>(b, 0);
  };
  std::optional<ByteView> before;
  for (const Node& node : nodes) {
    const ByteView key = node.key;
    if (walk.kind == Kind::kFree && key.size() != 8)
      return damaged(page, "a key has the wrong size");
    const bool is_good = (!before || is_less(*before, key)) &&
                         (!range.lower || !is_less(key, *range.lower)) &&
                         (!range.upper || is_less(key, *range.upper));
    if (!is_good) return damaged(page, "its keys are not in order");
    before = key;
  }
  return ok_status();
}

Status Checker::walk_page(Walk& walk, std::uint64_t page, std::size_t level, const Range& range) {
  STATOR_CHECK(use(page));
  ByteBuffer& buffer = levels_[level - 1];
  STATOR_CHECK(read(page * meta_.page_bytes, meta_.page_bytes, buffer));
  const bool is_leaf = level == walk.expected.depth;
  if (field<std::uint16_t>(buffer.view(), 10) != (is_leaf ? kLeaf : kBranch)) {
    return damaged(page, "it is of another kind");
  }
  STATOR_TRY(std::vector<Node> nodes, read_nodes(page, buffer.view(), is_leaf));
  if (is_leaf) {
    ++walk.found.leaves;
    STATOR_CHECK(check_order(walk, page, nodes, range));
    return walk_leaf(walk, page, nodes);
  }
  ++walk.found.branches;
  if (nodes.size() < 2) return damaged(page, "a branch with less than two pages below it");
  // The first key of a branch counts as less than every other, whatever it is.
  STATOR_CHECK(check_order(walk, page, {nodes.begin() + 1, nodes.end()}, range));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Range below = range;
    if (i > 0) below.lower = nodes[i].key;
    if (i + 1 < nodes.size()) below.upper = nodes[i + 1].key;
    STATOR_CHECK(walk_page(walk, nodes[i].child(), level + 1, below));
  }
  return ok_status();
}

Status Checker::walk_leaf(Walk& walk, std::uint64_t page, const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    ++walk.found.entries;
    STATOR_TRY(const ByteView value, value_of(walk, page, node));
    STATOR_CHECK(take(walk.kind, page, node, value));
  }
  return ok_status();
}

Result<ByteView> Checker::value_of(Walk& walk, std::uint64_t page, const Node& node) {
  const std::size_t size = node.low;
  const std::uint16_t expected = walk.kind == Kind::kMain ? kSubTree : 0;
  if ((node.flags & ~kBig) != expected) return damaged(page, "the flags of a node are unknown");
  if ((node.flags & kBig) == 0) return node.rest.substr(0, size);
  const auto first = field<std::uint64_t>(node.rest, 0);
  const std::uint64_t count = (kHeader - 1 + size) / meta_.page_bytes + 1;
  for (std::uint64_t i = 0; i < count; ++i) STATOR_CHECK(use(first + i));
  walk.found.overflows += count;
  STATOR_CHECK(read(first * meta_.page_bytes, kHeader + size, value_));
  const ByteView bytes = value_.view();
  const bool is_good = field<std::uint64_t>(bytes, 0) == first &&
                       field<std::uint16_t>(bytes, 10) == kOverflow &&
                       field<std::uint32_t>(bytes, 12) == count;
  if (!is_good) return damaged(first, "it does not hold the value that it should");
  return bytes.substr(kHeader);
}

Status Checker::take(Kind kind, std::uint64_t page, const Node& node, ByteView value) {
  switch (kind) {
    case Kind::kFree:
      return take_free(page, node.key, value);
    case Kind::kMain: {
      const bool is_known = node.key == "data" || node.key == "meta";
      if (!is_known || value.size() != kTreeBytes) return damaged(page, "an unknown database");
      const Tree tree = read_tree(value);
      if (tree.flags != 0) return damaged(page, "a database has unknown flags");
      subtrees_.emplace_back(node.key == "data" ? Kind::kData : Kind::kMeta, tree);
      return ok_status();
    }
    case Kind::kData:
      if (!is_stored_value(value)) return damaged(page, "a value is too short");
      result_.digest += entry_hash(node.key, value);
      return ok_status();
    case Kind::kMeta:
      break;
  }
  return ok_status();
}

// Pages that the next checkpoint may write to: none may be in use, none may be given away twice.
Status Checker::take_free(std::uint64_t page, ByteView key, ByteView value) {
  const auto transaction = field<std::uint64_t>(key, 0);
  if (transaction > meta_.transaction) return damaged(page, "it frees pages in the future");
  // LMDB would take its pages again and again: 0 says there that no list was read yet.
  if (transaction == 0) return damaged(page, "it frees pages of no transaction");
  if (value.size() < 8 || value.size() % 8 != 0)
    return damaged(page, "a list of free pages has an odd size");
  const auto count = field<std::uint64_t>(value, 0);
  if (count > value.size() / 8 - 1) return damaged(page, "a list of free pages is too short");
  std::uint64_t before = kNone;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto number = field<std::uint64_t>(value, 8 * i);
    const bool is_beyond = number >= pages_in_file_;
    const bool is_good = number >= 2 && number <= meta_.last_page && number < before &&
                         (is_beyond ? free_beyond_.insert(number).second : !is_used_[number]);
    if (!is_good) return damaged(page, "page " + std::to_string(number) + " is not free");
    if (!is_beyond) is_used_[number] = true;
    before = number;
  }
  return ok_status();
}

}  // namespace

Result<CheckedFile> check_lmdb_file(io::File& file, const std::string& path) {
  return Checker(file, path).run();
}

}  // namespace stator::store
