// The disk that fails in tests must fail everywhere.
#include "unit/kernel/io/faulty_file_system.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "support/places.h"

namespace stator::io {
namespace {

// Calls that stand for others: read_into() reads through read_at() in this file system.
const std::set<std::string> kComposed = {"read_into"};

TEST(FaultyFileSystemTest, KnowsEveryCallOfTheSeam) {
  std::ifstream header(test::in_tests("../kernel/io/file_system.h"));
  std::stringstream text;
  text << header.rdbuf();
  const std::string content = text.str();
  // "virtual TYPE NAME(": what stands between the last space and the bracket.
  std::set<std::string> calls;
  constexpr std::string_view kVirtual = "virtual ";
  for (std::size_t at = content.find(kVirtual); at != std::string::npos; at = content.find(kVirtual, at + 1)) {
    const std::size_t end = content.find('(', at);
    const std::size_t begin = content.rfind(' ', end) + 1;
    const std::string name = content.substr(begin, end - begin);
    if (name.front() != '~' && !kComposed.contains(name)) calls.insert(name);
  }
  std::set<std::string> points;
  for (std::size_t i = 0; i < kPoints.size(); ++i) {
    points.insert(kPoints[i].name);
    EXPECT_EQ(static_cast<std::size_t>(kPoints[i].point), i);
  }
  EXPECT_EQ(calls, points) << "give the new call of the seam its point in faulty_file_system.h";
}

TEST(FaultyFileSystemTest, FailsTheCallThatItIsTold) {
  FaultyFileSystem files;
  files.fail_call(2, ErrorCode::kDiskFull);
  auto file = files.create("/d/f");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file.value()->write_at(0, "x").error().code(), ErrorCode::kDiskFull);
  EXPECT_TRUE(file.value()->write_at(0, "y").ok());
  EXPECT_EQ(files.calls(), 3u);
  EXPECT_EQ(files.calls(Point::kWriteAt), 2u);
  EXPECT_EQ(files.content("/d/f"), "y");
}

}  // namespace
}  // namespace stator::io
