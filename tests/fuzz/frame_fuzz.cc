// Bytes of a stream through the frame reader, cut anywhere. Oracle: whole frames tile the input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/base64.h"
#include "control/wire/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stator;
  const ByteView input(reinterpret_cast<const char*>(data), size);
  std::size_t at = 0;
  for (;;) {
    const wire::Frame frame = wire::next_frame(input.substr(at), 1 << 16);
    if (frame.state != wire::FrameState::kWhole) break;
    if (frame.bytes != frame.body.size() + wire::kPrefixBytes) std::abort();
    at += frame.bytes;
  }
  std::string decoded(base64_decoded_bytes(input), '\0');
  if (base64_decode(input, decoded.data()) && base64_encode(decoded) != input) std::abort();
  return 0;
}
