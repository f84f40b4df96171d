// Memory that only grows and goes all at once; what was handed out never moves. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "data/store/huge_pages.h"

namespace stator::store {

class Arena {
 public:
  // `alignment`: a power of two, at most 8.
  char* allocate(std::size_t size, std::size_t alignment);
  // Taken from the system.
  std::size_t bytes() const { return bytes_; }

 private:
  struct FreeChunk {
    void operator()(char* chunk) const { free_huge(chunk); }
  };
  std::vector<std::unique_ptr<char[], FreeChunk>> chunks_;
  char* next_ = nullptr;  // the free rest of the current chunk
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace stator::store
