#include "data/store/merged_walk.h"

#include "data/store/stored_value.h"

namespace stator::store {

void MemtableLayer::begin(const WalkOptions& options) {
  is_reverse_ = options.reverse;
  if (!is_reverse_) {
    take(options.lower.empty() ? memtable_.first() : memtable_.at_or_after(options.lower));
  } else {
    take(options.upper.empty() ? memtable_.last() : memtable_.before(options.upper));
  }
}

void MemtableLayer::advance() { take(beside(*node_)); }

void MemtableLayer::take(const Memtable::Node* node) {
  Memtable::Said said{};
  while (node != nullptr && !memtable_.said(*node, snapshot_, said)) node = beside(*node);
  node_ = node;
  has_entry_ = node != nullptr;
  if (!has_entry_) return;
  key_ = node->key();
  stored_ = said.stored;
  is_erased_ = said.is_erased;
}

void BaseLayer::begin(const WalkOptions& options) {
  is_reverse_ = options.reverse;
  if (!is_reverse_) {
    take(options.lower.empty() ? cursor_->to_first() : cursor_->to_at_or_after(options.lower));
  } else if (!options.upper.empty() && cursor_->to_at_or_after(options.upper)) {
    take(cursor_->to_previous());
  } else {
    take(cursor_->to_last());
  }
}

void BaseLayer::advance() { take(is_reverse_ ? cursor_->to_previous() : cursor_->to_next()); }

void BaseLayer::take(bool is_there) {
  has_entry_ = is_there;
  if (!is_there) return;
  key_ = cursor_->key();
  stored_ = cursor_->stored();
}

MergedWalk::MergedWalk(std::vector<std::unique_ptr<Layer>> layers, const WalkOptions& options)
    : layers_(std::move(layers)),
      is_reverse_(options.reverse),
      bound_(options.reverse ? options.lower : options.upper) {
  for (const auto& layer : layers_) layer->begin(options);
}

const Layer* MergedWalk::front() const {
  const Layer* best = nullptr;
  for (const auto& layer : layers_) {
    if (!layer->has_entry()) continue;
    if (best == nullptr ||
        (is_reverse_ ? layer->key() > best->key() : layer->key() < best->key())) {
      best = layer.get();
    }
  }
  return best;
}

bool MergedWalk::is_beyond(ByteView key) const {
  if (bound_.empty()) return false;
  return is_reverse_ ? key < bound_ : key >= bound_;
}

bool MergedWalk::next(Entry& entry) {
  for (;;) {
    const Layer* best = front();
    if (best == nullptr || is_beyond(best->key())) return false;
    const ByteView key = best->key();
    const bool is_erased = best->is_erased();
    if (!is_erased) entry = entry_of(key, best->stored());
    // Views stay where they are while the layers go on: memtables do not move and the base is one
    // snapshot.
    for (const auto& layer : layers_) {
      if (layer->has_entry() && layer->key() == key) layer->advance();
    }
    if (!is_erased) return true;
  }
}

}  // namespace stator::store
