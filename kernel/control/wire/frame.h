// Frames: 4-byte big-endian length, then that many bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace stator::wire {

inline constexpr std::size_t kPrefixBytes = 4;

enum class FrameState : std::uint8_t { kWhole, kPartial, kTooLarge };

struct Frame {
  FrameState state = FrameState::kPartial;
  ByteView body;           // kWhole
  std::size_t bytes = 0;   // of the whole frame, prefix included: kWhole, and kPartial once known
};

// Looks at the frame at the front of `bytes`; `body_bytes_max` is inclusive.
inline Frame next_frame(ByteView bytes, std::size_t body_bytes_max) {
  if (bytes.size() < kPrefixBytes) return {};
  const std::size_t body_bytes = load_big32(bytes.data());
  if (body_bytes > body_bytes_max) return {FrameState::kTooLarge, {}, 0};
  const std::size_t whole = kPrefixBytes + body_bytes;
  if (bytes.size() < whole) return {FrameState::kPartial, {}, whole};
  return {FrameState::kWhole, bytes.substr(kPrefixBytes, body_bytes), whole};
}

}  // namespace stator::wire
