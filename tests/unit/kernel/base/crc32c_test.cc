#include "base/crc32c.h"

#include <string>

#include <gtest/gtest.h>

namespace stator {
namespace {

// RFC 3720, appendix B.4; its bytes are little-endian on the wire.
TEST(Crc32cTest, GivesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<char>(i));
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);
  EXPECT_EQ(crc32c(std::string(rising.rbegin(), rising.rend())), 0x113FDB5Cu);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
}

TEST(Crc32cTest, ContinuesFromAnyPoint) {
  const std::string text = "every prefix and its rest give the sum of the whole";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const ByteView view = text;
    EXPECT_EQ(crc32c(view.substr(cut), crc32c(view.substr(0, cut))), crc32c(text)) << cut;
  }
}

TEST(Crc32cTest, OfNothingIsZero) { EXPECT_EQ(crc32c({}), 0u); }

}  // namespace
}  // namespace stator
