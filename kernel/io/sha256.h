// SHA-256 (FIPS 180-4) of bytes that come in pieces.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace stator::io {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&& other) noexcept;
  Sha256& operator=(Sha256&&) = delete;

  void add(ByteView bytes);
  // Of all that was added, as 64 hexadecimal digits. Once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(ByteView bytes);

}  // namespace stator::io
