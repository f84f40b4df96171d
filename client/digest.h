// SHA-256 of what went by, also of a beginning of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace stator::client {

class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(std::string_view bytes);
  // In hexadecimal, of all that was added; adding goes on behind it.
  std::string so_far() const;

 private:
  evp_md_ctx_st* context_;
};

}  // namespace stator::client
