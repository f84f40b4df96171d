#include "index/hit_reader.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "storage.h"

namespace stator::document {

bool HitReader::next(IndexHit& hit) {
  if (at_ == count_) fill();
  if (at_ == count_) return false;
  hit = group_[at_++].hit;
  return true;
}

// Where nobody knows how many are wanted groups grow, so that who wants few does not have many
// fetched.
void HitReader::fill() {
  const std::size_t wanted = std::min(least_ > 0 ? least_ : size_, kGroupMax);
  if (least_ == 0) size_ = std::min(size_ * 2, kGroupMax);
  at_ = count_ = used_ = 0;
  while (!is_damaged_ && count_ < wanted && take()) {
  }
  least_ -= std::min(least_, count_);
  if (count_ < 2) return;
  std::array<std::string_view, kGroupMax> ids;
  for (std::size_t i = 0; i < count_; ++i) ids[i] = group_[i].hit.document_id;
  kv_.prefetch(Space::kDocuments, std::span<const std::string_view>(ids).first(count_));
}

bool HitReader::take() {
  if (!cursor_.next()) return false;
  const std::string_view key = cursor_.key();
  char* at = bytes_.data() + used_;
  std::memcpy(at, key.data(), key.size());
  used_ += key.size();
  Read& read = group_[count_];
  read.vshard = cursor_.vshard();
  is_damaged_ = !read_index_entry({at, key.size()}, cursor_.value(), read.hit);
  count_ += is_damaged_ ? 0 : 1;
  return !is_damaged_;
}

}  // namespace stator::document
