// Frames of the native protocol as tests of sessions write and read them.
#pragma once

#include <string>
#include <vector>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "control/wire/frame.h"

namespace stator::test {

inline std::string frame_of(const std::string& body) {
  std::string frame(wire::kPrefixBytes, '\0');
  store_big32(frame.data(), static_cast<std::uint32_t>(body.size()));
  return frame + body;
}

// The bodies of all frames in `output`, which is empty then.
inline std::vector<std::string> take_bodies(ByteBuffer& output) {
  std::vector<std::string> bodies;
  ByteView rest = output.view();
  while (!rest.empty()) {
    const wire::Frame frame = wire::next_frame(rest, kFrameBytesMax);
    bodies.emplace_back(frame.body);
    rest.remove_prefix(frame.bytes);
  }
  output.clear();
  return bodies;
}

}  // namespace stator::test
