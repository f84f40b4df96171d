#include "data/store/memtable.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include "base/assert.h"
#include "base/limits.h"
#include "data/store/stored_value.h"
#include "io/random.h"

namespace stator::store {
namespace {

constexpr std::size_t kSlotsMin = 1024;
constexpr std::size_t kInlineValueBytesMax = 1024;
// Values lie in multiples of this: one that is overwritten may have grown a little.
constexpr std::size_t kValueStep = 16;
constexpr std::size_t kPrefetchLines = 3;  // node, key and the beginning of a value

struct HashSecret {
  std::uint64_t word[3];
};

// Of this process: the hash is fast rather than strong, so its constants must not be known.
const HashSecret& hash_secret() {
  static const HashSecret kSecret = [] {
    HashSecret secret{};
    std::uint8_t raw[sizeof secret];
    io::fill_random(raw);
    std::memcpy(&secret, raw, sizeof secret);
    return secret;
  }();
  return kSecret;
}

std::size_t room_for(std::size_t stored_bytes) {
  return (stored_bytes + kValueStep - 1) / kValueStep * kValueStep;
}

__extension__ typedef unsigned __int128 Wide;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// 64x64->128 bit multiply and fold, 16 bytes a step (the idea of wyhash and of Lemire's
// "multilinear" family), with secret words.
std::uint64_t hash_of(ByteView key) {
  const HashSecret& secret = hash_secret();
  const char* p = key.data();
  std::size_t left = key.size();
  std::uint64_t state = secret.word[2] ^ left;
  for (; left > 16; left -= 16, p += 16) {
    state = fold(load_little<std::uint64_t>(p) ^ secret.word[0],
                 load_little<std::uint64_t>(p + 8) ^ state);
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load_little<std::uint64_t>(p);
    b = load_little<std::uint64_t>(p + left - 8);
  } else if (left >= 4) {
    a = load_little<std::uint32_t>(p);
    b = load_little<std::uint32_t>(p + left - 4);
  } else {
    for (std::size_t i = 0; i < left; ++i) a = a << 8 | static_cast<std::uint8_t>(p[i]);
  }
  state = fold(a ^ secret.word[0], b ^ state);
  return fold(state ^ secret.word[1], secret.word[2]);
}

}  // namespace

Memtable::Memtable() : slots_(kSlotsMin), head_(make_node({}, kHeightMax, 0)) {}

std::size_t Memtable::slot_of(ByteView key, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].node != nullptr && (slots_[at].hash != hash || slots_[at].node->key() != key)) {
    at = (at + 1) & mask;
  }
  return at;
}

const Memtable::Node* Memtable::find(ByteView key) const {
  return slots_[slot_of(key, hash_of(key))].node;
}

std::uint64_t Memtable::prefetch(ByteView key) const {
  const std::uint64_t hash = hash_of(key);
  __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  return hash;
}

void Memtable::prefetch_node(std::uint64_t hash) const {
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.node == nullptr) return;
  const char* at = reinterpret_cast<const char*>(slot.node);
  for (std::size_t line = 0; line < kPrefetchLines; ++line) __builtin_prefetch(at + line * 64);
}

void Memtable::grow_slots() {
  decltype(slots_) old(slots_.size() * 2);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.node == nullptr) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].node != nullptr) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

Memtable::Node* Memtable::make_node(ByteView key, std::size_t height, std::size_t room) {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): the tower holds pointers
  const std::size_t tower_bytes = height * sizeof(Node*);
  char* place = arena_.allocate(sizeof(Node) + tower_bytes + key.size() + room, alignof(Node));
  Node* node = std::construct_at(reinterpret_cast<Node*>(place));
  node->key_bytes = static_cast<std::uint16_t>(key.size());
  node->height = static_cast<std::uint8_t>(height);
  node->has_past = false;
  std::fill_n(node->tower(), height, nullptr);
  if (!key.empty()) std::memcpy(node->tower() + height, key.data(), key.size());
  return node;
}

// One in four nodes rises a level (xorshift64, Marsaglia 2003).
std::size_t Memtable::random_height() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  std::size_t height = 1;
  for (std::uint64_t bits = random_; height < kHeightMax && (bits & 3) == 0; bits >>= 2) ++height;
  return height;
}

Memtable::Node* Memtable::find_before(ByteView key, std::array<Node*, kHeightMax>& path) const {
  Node* at = head_;
  for (std::size_t level = height_; level-- > 0;) {
    for (Node* next = at->tower()[level]; next != nullptr && next->key() < key;
         next = at->tower()[level]) {
      at = next;
    }
    path[level] = at;
  }
  return at;
}

void Memtable::link(Node* node) {
  std::array<Node*, kHeightMax> path;
  path.fill(head_);
  Node* before = find_before(node->key(), path);
  height_ = std::max<std::size_t>(height_, node->height);
  for (std::size_t level = 0; level < node->height; ++level) {
    node->tower()[level] = path[level]->tower()[level];
    path[level]->tower()[level] = node;
  }
  node->previous = before == head_ ? nullptr : before;
  Node* next = node->tower()[0];
  (next == nullptr ? last_ : next->previous) = node;
}

Memtable::Node* Memtable::node_of(ByteView key, std::size_t room, bool& is_new) {
  STATOR_ASSERT(!key.empty() && key.size() <= kStoreKeyBytesMax);
  const std::uint64_t hash = hash_of(key);
  std::size_t at = slot_of(key, hash);
  is_new = slots_[at].node == nullptr;
  if (!is_new) return slots_[at].node;
  if ((count_ + 1) * 8 > slots_.size() * 5) {
    grow_slots();
    at = slot_of(key, hash);
  }
  Node* node = make_node(key, random_height(), room);
  link(node);
  slots_[at] = {hash, node};
  ++count_;
  return node;
}

void Memtable::set_stored(Node& node, char* stored, std::size_t size) {
  node.value = stored;
  node.value_bytes = static_cast<std::uint32_t>(size);
}

void Memtable::write_stored(char* to, VShardId vshard, ByteView value) {
  write_value_header(to, vshard);
  if (!value.empty()) std::memcpy(to + kValueHeaderBytes, value.data(), value.size());
}

void Memtable::overwrite(ByteView key, VShardId vshard, ByteView value) {
  if (keep_for_ != 0) return put(key, vshard, value);
  const std::size_t size = kValueHeaderBytes + value.size();
  Node* node = slots_[slot_of(key, hash_of(key))].node;
  if (node == nullptr || node->is_erased() || size > room_for(node->value_bytes))
    return put(key, vshard, value);
  write_stored(node->value, vshard, value);
  node->value_bytes = static_cast<std::uint32_t>(size);
  overwritten_ += key.size() + size;
}

void Memtable::put(ByteView key, VShardId vshard, ByteView value) {
  STATOR_ASSERT(value.size() <= std::numeric_limits<std::uint32_t>::max() - kValueHeaderBytes);
  const std::size_t size = kValueHeaderBytes + value.size();
  // A small first value lies behind its key: a read that found the key has it in the cache.
  const std::size_t room = size <= kInlineValueBytesMax ? room_for(size) : 0;
  bool is_new = false;
  Node* node = node_of(key, room, is_new);
  char* stored = is_new && room != 0
                     ? reinterpret_cast<char*>(node->tower() + node->height) + key.size()
                     : arena_.allocate(room_for(size), 1);
  write_stored(stored, vshard, value);
  if (keep_for_ != 0) keep_past(*node, is_new);
  set_stored(*node, stored, size);
}

void Memtable::erase(ByteView key) {
  bool is_new = false;
  Node* node = node_of(key, 0, is_new);
  if (keep_for_ != 0) keep_past(*node, is_new);
  set_stored(*node, nullptr, 0);
}

// Once for each snapshot that was the newest: the first value that is written over is what they
// saw.
void Memtable::keep_past(Node& node, bool is_new) {
  std::vector<Past>& past = past_[&node];
  if (!past.empty() && past.back().until >= keep_for_) return;
  past.push_back({keep_for_, node.value, node.value_bytes, !is_new});
  node.has_past = true;
}

bool Memtable::said(const Node& node, std::uint64_t snapshot, Said& said) const {
  if (snapshot != 0 && node.has_past) {
    for (const Past& past : past_.at(&node)) {
      if (past.until < snapshot) continue;
      said = {{past.value, past.value_bytes}, past.value == nullptr};
      return past.was_here;
    }
  }
  said = {node.stored(), node.is_erased()};
  return true;
}

void Memtable::absorb(const Memtable& newer) {
  for (const Node* node = newer.first(); node != nullptr; node = node->next()) {
    if (node->is_erased()) {
      erase(node->key());
    } else {
      const Entry entry = entry_of(node->key(), node->stored());
      put(entry.key, entry.vshard, entry.value);
    }
  }
}

const Memtable::Node* Memtable::at_or_after(ByteView key) const {
  std::array<Node*, kHeightMax> path;
  return find_before(key, path)->next();
}

const Memtable::Node* Memtable::before(ByteView key) const {
  std::array<Node*, kHeightMax> path;
  const Node* node = find_before(key, path);
  return node == head_ ? nullptr : node;
}

}  // namespace stator::store
