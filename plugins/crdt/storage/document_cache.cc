#include "storage/document_cache.h"

namespace stator::crdt {

Document* DocumentCache::find(const DocumentName& name) {
  const auto found = index_.find(name.key());
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front().document;
}

Document& DocumentCache::put(const DocumentName& name, Document document) {
  erase(name);
  const std::size_t bytes = document.memory_bytes();
  entries_.push_front({name.key(), std::move(document), bytes});
  index_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
  shrink();
  return entries_.front().document;
}

void DocumentCache::erase(const DocumentName& name) {
  const auto found = index_.find(name.key());
  if (found != index_.end()) drop(found->second);
}

bool DocumentCache::drop_of(std::uint32_t tenant) {
  constexpr std::size_t kAtOnce = 16;
  const std::string begin = DocumentName::tenant_key(tenant);
  std::size_t dropped = 0;
  for (auto entry = entries_.begin(); entry != entries_.end() && dropped < kAtOnce;) {
    const auto next = std::next(entry);
    if (entry->key.starts_with(begin)) {
      drop(entry);
      ++dropped;
    }
    entry = next;
  }
  return dropped > 0;
}

void DocumentCache::resized(const DocumentName& name) {
  const auto found = index_.find(name.key());
  if (found == index_.end()) return;
  Entry& entry = *found->second;
  const std::size_t bytes = entry.document.memory_bytes();
  bytes_ += bytes;
  bytes_ -= entry.bytes;
  entry.bytes = bytes;
  shrink();
}

void DocumentCache::drop(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  index_.erase(entry->key);
  entries_.erase(entry);
}

// The newest entry stays: somebody is about to use it.
void DocumentCache::shrink() {
  while (entries_.size() > 1 && (entries_.size() > limits_.documents || bytes_ > limits_.bytes)) {
    drop(std::prev(entries_.end()));
  }
}

}  // namespace stator::crdt
