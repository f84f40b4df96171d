#include "wal/segment_bytes.h"

#include <random>

#include <gtest/gtest.h>

#include "unit/kernel/io/faulty_file_system.h"

namespace stator::wal {
namespace {

TEST(SegmentBytesTest, OfAFileAreThoseOfMemory) {
  std::mt19937 random(3);
  std::string all(3 * 1024 * 1024 + 77, '\0');
  for (char& byte : all) byte = static_cast<char>(random());
  io::FaultyFileSystem files;
  const std::unique_ptr<io::File> file = files.create("/a").take();
  ASSERT_TRUE(file->write_at(0, all).ok());
  ByteBuffer buffer;
  SegmentBytes windowed(*file, all.size(), buffer);
  SegmentBytes whole(all);
  EXPECT_EQ(windowed.size(), all.size());
  std::size_t offset = 0;
  for (int i = 0; i < 3000; ++i) {
    const bool is_next = random() % 8 != 0;  // mostly forward, as logs are read
    offset = is_next ? offset + random() % 20'000 : random() % (all.size() + 1000);
    if (offset > all.size() + 1000) offset = 0;
    const std::size_t bytes = random() % (random() % 16 == 0 ? all.size() : 10'000);
    const ByteView got = windowed.at(offset, bytes).take();
    const ByteView wanted = whole.at(offset, bytes).take();
    ASSERT_GE(got.size(), std::min(bytes, wanted.size())) << offset;
    ASSERT_EQ(got, wanted.substr(0, got.size())) << offset;
  }
  EXPECT_LT(files.calls(io::Point::kReadAt), 2000u) << "a window serves several";
}

TEST(SegmentBytesTest, AReadThatFailsIsSaid) {
  io::FaultyFileSystem files;
  const std::unique_ptr<io::File> file = files.create("/a").take();
  ASSERT_TRUE(file->write_at(0, std::string(100, 'a')).ok());
  ByteBuffer buffer;
  SegmentBytes bytes(*file, 100, buffer);
  files.fail_call(1, ErrorCode::kStorage);
  EXPECT_EQ(bytes.at(0, 10).error().code(), ErrorCode::kStorage);
  EXPECT_EQ(bytes.at(90, 10).value(), std::string(10, 'a'));
}

}  // namespace
}  // namespace stator::wal
