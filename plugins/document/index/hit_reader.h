// Reads the entries of an index, in groups whose documents the kernel is told to fetch together:
// one after another each would wait for memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "stator/engine.hpp"

#include "index/index_key.h"

namespace stator::document {

class HitReader {
 public:
  // `least`: how many hits will be asked for if there are as many; 0: not known. Allocates nothing.
  HitReader(const Kv& kv, Cursor cursor, std::size_t least = 0)
      : kv_(kv), cursor_(cursor), least_(least) {}
  // False at the end, and where an entry is none. The hit lasts until the next call; the documents
  // are to be loaded in the order of the hits.
  bool next(IndexHit& hit);
  // Of the last hit's entry.
  std::uint32_t vshard() const { return group_[at_ - 1].vshard; }
  bool is_damaged() const { return is_damaged_; }

 private:
  static constexpr std::size_t kGroupMax = STATOR_KV_PREFETCH_KEYS;
  struct Read {
    IndexHit hit;  // of bytes_
    std::uint32_t vshard;
  };
  void fill();
  bool take();

  Kv kv_;
  Cursor cursor_;
  std::size_t least_;
  std::size_t size_ = 1;  // of the next group, when `least` were given out
  bool is_damaged_ = false;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  std::array<Read, kGroupMax> group_;
  std::size_t used_ = 0;
  std::array<char, kGroupMax * STATOR_KV_KEY_BYTES_MAX> bytes_;  // keys of the group
};

}  // namespace stator::document
