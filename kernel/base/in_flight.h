// Which call of an engine a thread is in. Whoever reports that the process died looks at it; a call
// keeps it with three stores. docs/adr/0046-crashes-of-engines.md
//
// Thread: each has its own. A signal handler on that thread may read it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace stator {

// Text of at most N bytes, without the heap; what is longer is cut.
template <std::size_t N>
class ShortText {
 public:
  void set(ByteView text) {
    size_ = std::min(text.size(), N);
    if (size_ > 0) std::memcpy(bytes_.data(), text.data(), size_);  // nothing may lie nowhere
  }
  ByteView view() const { return {bytes_.data(), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<char, N> bytes_{};
  std::size_t size_ = 0;
};

// What can be said of a call. Copies, since what they were copied from may be damaged.
struct CallFacts {
  ShortText<32> engine;
  ShortText<64> version;
  ShortText<64> sha256;
  ShortText<64> build_id;
  std::uintptr_t code_begin = 0;  // where the engine's library lies; equal: not known
  std::uintptr_t code_end = 0;
  const char* phase = "";
  ShortText<64> op;          // which op the engine was called for; empty: none
  ShortText<97> request_op;  // of the client's request
  ShortText<16> request;     // hash of that request in hexadecimal; empty: there is none
  ShortText<128> collection;
  bool has_lane = false;  // and with it tenant and collection
  std::uint32_t lane = 0;
  std::uint32_t tenant = 0;
  std::uint64_t lsn = 0;  // of the record that is applied; 0: none is, nor the next two
  std::uint32_t record_type = 0;
  std::uint32_t record_crc = 0;  // CRC32C of its payload
};

class InFlight;
// The innermost call of this thread; null: no engine runs.
extern constinit thread_local const InFlight* in_flight;

class InFlight {
 public:
  // Says what it can, the surest first: any of it may end in a fault of memory. Async-signal-safe.
  using Tell = void (*)(const InFlight& call, CallFacts& facts);
  explicit InFlight(Tell how) : tell_(how) {}

  // They nest.
  void enter() {
    outer_ = in_flight;
    in_flight = this;
  }
  void leave() const { in_flight = outer_; }

  const InFlight* outer() const { return outer_; }
  void tell(CallFacts& facts) const { tell_(*this, facts); }

 private:
  const Tell tell_;
  const InFlight* outer_ = nullptr;
};

// Sixteen digits. Async-signal-safe.
inline std::array<char, 16> hex_digits(std::uint64_t value) {
  std::array<char, 16> digits;
  for (std::size_t i = digits.size(); i-- > 0; value >>= 4U)
    digits[i] = "0123456789abcdef"[value & 15U];
  return digits;
}

}  // namespace stator
