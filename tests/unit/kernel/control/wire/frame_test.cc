#include "control/wire/frame.h"

#include <gtest/gtest.h>

namespace stator::wire {
namespace {

TEST(FrameTest, WaitsForPrefixAndBody) {
  const std::string bytes("\0\0\0\3abc", 7);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(next_frame(ByteView(bytes).substr(0, size), 16).state, FrameState::kPartial) << size;
  }
  const std::string with_next = bytes + "next";
  const Frame frame = next_frame(with_next, 16);
  EXPECT_EQ(frame.state, FrameState::kWhole);
  EXPECT_EQ(frame.body, "abc");
  EXPECT_EQ(frame.bytes, 7u);
}

TEST(FrameTest, TheLimitIsInclusive) {
  const std::string at("\0\0\0\4", 4);
  EXPECT_EQ(next_frame(at, 4).state, FrameState::kPartial);
  EXPECT_EQ(next_frame(at, 3).state, FrameState::kTooLarge);
  EXPECT_EQ(next_frame("\xff\xff\xff\xff", 16u << 20).state, FrameState::kTooLarge);
}

}  // namespace
}  // namespace stator::wire
