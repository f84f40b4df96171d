// The format of pages and nodes is told in lmdb_check.cc. Interleaving the steps of many searches
// is known as group prefetching (Chen, Ailamaki, Gibbons, Mowry 2004).
#include "data/store/mapped_tree.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace stator::store {
namespace {

constexpr std::size_t kPageBytes = kMappedPageBytes;
constexpr std::size_t kHeader = 16;
constexpr std::size_t kNodeHeader = 8;
constexpr std::size_t kTreeBytes = 48;
constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kLine = 64;
// Of a page: its header and most offsets of its nodes, of which branches have more.
constexpr std::size_t kBranchLines = 4;
constexpr std::size_t kLeafLines = 2;
constexpr std::size_t kValueLines = 8;  // of a value; longer ones are read in a row anyway
enum PageFlags : std::uint16_t { kBranch = 1, kLeaf = 2, kOverflow = 4 };
enum NodeFlags : std::uint16_t { kBig = 1 };

template <class T>
T field(const char* at) {
  return load_little<T>(at);
}

void fetch(const char* at, std::size_t lines) {
  for (std::size_t i = 0; i < lines; ++i) __builtin_prefetch(at + i * kLine);
}

// As much of a node as a key of that size needs.
void fetch_node(const char* node, std::size_t key_bytes) {
  const char* last = node + kNodeHeader + key_bytes - 1;
  __builtin_prefetch(node);
  if (reinterpret_cast<std::uintptr_t>(node) / kLine !=
      reinterpret_cast<std::uintptr_t>(last) / kLine)
    __builtin_prefetch(last);
}

// a <= b. The keys share their beginnings and are short, so eight bytes are compared at a time,
// without a call; the last eight overlap those before, which are equal.
bool is_not_behind(ByteView a, ByteView b) {
  const std::size_t both = std::min(a.size(), b.size());
  if (both < 8) return a <= b;
  for (std::size_t at = 0;; at = std::min(at + 8, both - 8)) {
    const std::uint64_t left = load_big64(a.data() + at);
    const std::uint64_t right = load_big64(b.data() + at);
    if (left != right) return left < right;
    if (at == both - 8) return a.size() <= b.size();
  }
}

// One key on its way down. The last node whose key is not greater than `key` is searched among
// [low, high]; nodes before `low` are not greater, those behind `high` are.
struct Descent {
  ByteView key;
  const char* page = nullptr;  // null: it ended without a result
  std::uint32_t low = 0;
  std::uint32_t high = 0;

  const char* node(std::uint32_t index) const {
    return page + field<std::uint16_t>(page + kHeader + index * sizeof(std::uint16_t));
  }
};

class Search {
 public:
  Search(const MappedTree& tree, std::span<const ByteView> keys) : tree_(tree) {
    for (const ByteView key : keys) descents_[count_++] = {key, page_at(tree.root), 0, 0};
  }

  void run(std::span<MappedEntry> found) {
    for (std::uint16_t level = 1; level < tree_.depth; ++level) {
      enter(kBranch);
      narrow();
      for (Descent& one : descents()) {
        if (one.page == nullptr) continue;
        const char* node = key_of(one, one.low) != nullptr ? one.node(one.low) : nullptr;
        one.page = node == nullptr ? nullptr : page_at(child_of(node));
        if (one.page != nullptr)
          fetch(one.page, level + 1 == tree_.depth ? kLeafLines : kBranchLines);
      }
    }
    enter(kLeaf);
    narrow();
    for (std::size_t i = 0; i < count_; ++i) found[i] = take(descents_[i]);
  }

 private:
  std::span<Descent> descents() { return std::span(descents_).first(count_); }

  const char* page_at(std::uint64_t number) const {
    return number < tree_.pages ? tree_.map + number * kPageBytes : nullptr;
  }
  static std::uint64_t child_of(const char* node) {
    return field<std::uint32_t>(node) | std::uint64_t{field<std::uint16_t>(node + 4)} << 32;
  }

  // The node's key; null where the node would leave its page.
  static const char* key_of(const Descent& one, std::uint32_t index) {
    const char* node = one.node(index);
    if (node > one.page + kPageBytes - kNodeHeader) return nullptr;
    const std::size_t size = field<std::uint16_t>(node + 6);
    return node + kNodeHeader + size > one.page + kPageBytes ? nullptr : node + kNodeHeader;
  }

  // Looks how many nodes the pages have.
  void enter(std::uint16_t kind) {
    for (Descent& one : descents()) {
      if (one.page == nullptr) continue;
      const std::uint32_t lower = field<std::uint16_t>(one.page + 12);
      const bool is_page = field<std::uint16_t>(one.page + 10) == kind && lower >= kHeader + 2 &&
                           lower <= kPageBytes &&
                           field<std::uint64_t>(one.page) ==
                               static_cast<std::uint64_t>(one.page - tree_.map) / kPageBytes;
      if (!is_page) {
        one.page = nullptr;
        continue;
      }
      one.low = 0;
      one.high = (lower - static_cast<std::uint32_t>(kHeader)) / 2 - 1;
    }
  }

  // Binary searches in step: each round the nodes in the middle are fetched for all keys, then
  // compared.
  void narrow() {
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      for (const Descent& one : descents()) {
        if (one.page == nullptr || one.low == one.high) continue;
        fetch_node(one.node((one.low + one.high + 1) / 2), one.key.size());
        goes_on = true;
      }
      for (Descent& one : descents()) {
        if (one.page != nullptr && one.low != one.high) compare(one);
      }
    }
  }

  static void compare(Descent& one) {
    const std::uint32_t middle = (one.low + one.high + 1) / 2;
    const char* key = key_of(one, middle);
    if (key == nullptr) {
      one.page = nullptr;
    } else if (is_not_behind({key, field<std::uint16_t>(key - 2)}, one.key)) {
      one.low = middle;
    } else {
      one.high = middle - 1;
    }
  }

  MappedEntry take(const Descent& one) const {
    if (one.page == nullptr) return {};
    const char* key = key_of(one, one.low);
    if (key == nullptr) return {};
    const std::size_t key_bytes = field<std::uint16_t>(key - 2);
    if (ByteView(key, key_bytes) != one.key) return {};
    const char* node = key - kNodeHeader;
    const std::size_t size = field<std::uint32_t>(node);
    const auto flags = field<std::uint16_t>(node + 4);
    const char* value = key + key_bytes;
    if (flags == kBig) {
      if (value + sizeof(std::uint64_t) > one.page + kPageBytes) return {};
      value = big_value(value, size);
      if (value == nullptr) return {};
    } else if (flags != 0 || value + size > one.page + kPageBytes) {
      return {};
    }
    fetch(value, std::min(size / kLine + 1, kValueLines));
    return {{key, key_bytes}, {value, size}};
  }

  const char* big_value(const char* number, std::size_t size) const {
    const char* page = page_at(field<std::uint64_t>(number));
    const std::size_t pages = (kHeader + size + kPageBytes - 1) / kPageBytes;
    if (page == nullptr || pages > tree_.pages - field<std::uint64_t>(number)) return nullptr;
    return field<std::uint16_t>(page + 10) == kOverflow ? page + kHeader : nullptr;
  }

  const MappedTree& tree_;
  std::array<Descent, kKeysInStepMax> descents_;
  std::size_t count_ = 0;
};

}  // namespace

MappedTree tree_of(ByteView record, std::uint64_t map_bytes) {
  if (record.size() != kTreeBytes) return {};
  // The page that the record lies in says its own number, so it says where the map begins.
  const auto address = reinterpret_cast<std::uintptr_t>(record.data());
  const char* page = record.data() - address % kPageBytes;
  const auto number = field<std::uint64_t>(page);
  const std::uint64_t pages = map_bytes / kPageBytes;
  if (field<std::uint16_t>(page + 10) != kLeaf || number >= pages) return {};
  const MappedTree tree = {page - number * kPageBytes, pages,
                           field<std::uint64_t>(record.data() + 40),
                           field<std::uint16_t>(record.data() + 6)};
  return tree.depth >= 1 && tree.depth <= kDepthMax ? tree : MappedTree{};
}

void find_in_step(const MappedTree& tree, std::span<const ByteView> keys,
                  std::span<MappedEntry> found) {
  STATOR_ASSERT(keys.size() <= kKeysInStepMax && found.size() == keys.size());
  std::fill(found.begin(), found.end(), MappedEntry{});
  if (tree.map == nullptr) return;
  Search(tree, keys).run(found);
}

}  // namespace stator::store
