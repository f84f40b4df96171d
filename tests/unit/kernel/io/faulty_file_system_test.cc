// The disk that fails in tests must fail everywhere.
#include "unit/kernel/io/faulty_file_system.h"

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace stator::io {
namespace {

// Calls that stand for others: read_into() reads through read_at() in this file system.
const std::set<std::string> kComposed = {"read_into"};

TEST(FaultyFileSystemTest, KnowsEveryCallOfTheSeam) {
  std::ifstream header(STATOR_TESTS_DIR "/../kernel/io/file_system.h");
  std::stringstream text;
  text << header.rdbuf();
  const std::string content = text.str();
  const std::regex call(R"(virtual [^~;={]*?(\w+)\()");
  std::set<std::string> calls;
  for (std::sregex_iterator found(content.begin(), content.end(), call), end; found != end;
       ++found) {
    if (!kComposed.contains((*found)[1])) calls.insert((*found)[1]);
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
