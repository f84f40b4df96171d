#include "io/sealed_memory.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include <gtest/gtest.h>

namespace stator::io {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SealedMemoryTest, HoldsTheBytesAndTakesNoOthers) {
  auto path = seal_in_memory("test", "some bytes");
  ASSERT_TRUE(path.ok()) << path.error().sentence();
  EXPECT_EQ(content(path.value()), "some bytes");
  const int descriptor = open(path.value().c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor >= 0) {
    EXPECT_EQ(write(descriptor, "x", 1), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(ftruncate(descriptor, 0), -1);
    close(descriptor);
  }
  EXPECT_EQ(content(path.value()), "some bytes");
}

TEST(SealedMemoryTest, EachHasAPathOfItsOwn) {
  const std::string first = seal_in_memory("test", "1").take();
  const std::string second = seal_in_memory("test", "2").take();
  EXPECT_NE(first, second);
  EXPECT_EQ(content(first), "1");
}

}  // namespace
}  // namespace stator::io
