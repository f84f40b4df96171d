#include "io/file_system.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernel/io/faulty_file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PosixFileSystemTest : public testing::Test {
 protected:
  TempDirectory directory_;
  FileSystem& files_ = posix_file_system();
};

TEST_F(PosixFileSystemTest, ReadsBackWhatWasWrittenAtAnOffset) {
  const auto file = files_.create(directory_.file("a")).take();
  ASSERT_TRUE(file->write_at(4, "beef").ok());
  ASSERT_TRUE(file->write_at(0, "dead").ok());
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(file->read_at(0, 100).value(), "deadbeef");
  EXPECT_EQ(file->read_at(6, 1).value(), "e");
  EXPECT_EQ(file->read_at(8, 1).value(), "");
  EXPECT_EQ(file->read_at(1'000'000, 1).value(), "");
  EXPECT_EQ(file->size().value(), 8u);
}

// Into memory that is there already, through either implementation.
TEST_F(PosixFileSystemTest, ReadsBehindWhatABufferHolds) {
  FaultyFileSystem simulated;
  for (FileSystem* files : {&files_, static_cast<FileSystem*>(&simulated)}) {
    const std::string path = directory_.file("a");
    ASSERT_TRUE(files->create(path).value()->write_at(0, "deadbeef").ok());
    ByteBuffer buffer;
    buffer.append("all: ");
    const auto file = files->open(path).take();
    ASSERT_TRUE(file->read_into(4, 100, buffer).ok());
    EXPECT_EQ(buffer.view(), "all: beef");
    ASSERT_TRUE(file->read_into(100, 1, buffer).ok());
    EXPECT_EQ(buffer.view(), "all: beef");
  }
}

TEST_F(PosixFileSystemTest, OpensOnlyWhatIsThereAndCreatesOnlyWhatIsNot) {
  auto missing = files_.open(directory_.file("a"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kStorage);
  EXPECT_THAT(missing.error().sentence(), HasSubstr(directory_.file("a") + ": No such file"));
  ASSERT_TRUE(files_.create(directory_.file("a")).ok());
  EXPECT_TRUE(files_.open(directory_.file("a")).ok());
  EXPECT_THAT(files_.create(directory_.file("a")).error().sentence(), HasSubstr("File exists"));
}

TEST_F(PosixFileSystemTest, MakesFilesThatOnlyTheOwnerReads) {
  ASSERT_TRUE(files_.make_directory(directory_.file("d/e")).ok());
  ASSERT_TRUE(files_.create(directory_.file("d/e/f")).ok());
  struct stat about {};
  ASSERT_EQ(stat(directory_.file("d/e/f").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(directory_.file("d").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700u);
}

TEST_F(PosixFileSystemTest, TruncatesAndAllocatesWithZeros) {
  const auto file = files_.create(directory_.file("a")).take();
  ASSERT_TRUE(file->write_at(0, "12345678").ok());
  ASSERT_TRUE(file->truncate(3).ok());
  ASSERT_TRUE(file->allocate(6).ok());
  EXPECT_EQ(file->read_at(0, 10).value(), std::string("123\0\0\0", 6));
  ASSERT_TRUE(file->allocate(2).ok());
  EXPECT_EQ(file->size().value(), 6u);
}

TEST_F(PosixFileSystemTest, ListsNamesInOrder) {
  for (const char* name : {"b", "c", "a"}) ASSERT_TRUE(files_.create(directory_.file(name)).ok());
  ASSERT_TRUE(files_.make_directory(directory_.file("d")).ok());
  EXPECT_THAT(files_.list(directory_.path()).value(), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(files_.list(directory_.file("none")).error().code(), ErrorCode::kStorage);
}

TEST_F(PosixFileSystemTest, MakesDirectoriesWithTheirParents) {
  ASSERT_TRUE(files_.make_directory(directory_.file("x/y/z")).ok());
  EXPECT_TRUE(files_.make_directory(directory_.file("x/y/z/")).ok());
  EXPECT_TRUE(files_.exists(directory_.file("x/y/z")).value());
  ASSERT_TRUE(files_.create(directory_.file("file")).ok());
  EXPECT_THAT(files_.make_directory(directory_.file("file")).error().sentence(),
              HasSubstr("Not a directory"));
  EXPECT_FALSE(files_.make_directory(directory_.file("file/below")).ok());
}

TEST_F(PosixFileSystemTest, RemovesFilesAndWholeDirectories) {
  ASSERT_TRUE(files_.make_directory(directory_.file("x/y")).ok());
  ASSERT_TRUE(files_.create(directory_.file("x/y/a")).ok());
  ASSERT_TRUE(files_.remove(directory_.file("x")).ok());
  EXPECT_FALSE(files_.exists(directory_.file("x")).value());
  EXPECT_TRUE(files_.remove(directory_.file("x")).ok());
}

TEST_F(PosixFileSystemTest, LocksAgainstASecondHolderAndNamesTheFirst) {
  auto first = files_.lock(directory_.file("LOCK"));
  ASSERT_TRUE(first.ok());
  auto second = files_.lock(directory_.file("LOCK"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kBusy);
  EXPECT_THAT(second.error().sentence(),
              HasSubstr("is in use by process " + std::to_string(getpid())));
  first.value().reset();
  EXPECT_TRUE(files_.lock(directory_.file("LOCK")).ok());
}

TEST_F(PosixFileSystemTest, RefusesSizesThatTheSystemCannotHold) {
  const auto file = files_.create(directory_.file("a")).take();
  EXPECT_EQ(file->write_at(~std::uint64_t{0}, "x").error().code(), ErrorCode::kStorage);
  EXPECT_EQ(file->truncate(~std::uint64_t{0}).error().code(), ErrorCode::kStorage);
  EXPECT_EQ(file->allocate(~std::uint64_t{0}).error().code(), ErrorCode::kStorage);
}

// /dev/full is the system's own full disk.
TEST_F(PosixFileSystemTest, TellsAFullDiskFromOtherErrors) {
  const auto file = files_.open("/dev/full").take();
  auto status = file->write_at(0, "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kDiskFull);
  EXPECT_THAT(status.error().sentence(), HasSubstr("write /dev/full: No space left on device"));
}

// RLIMIT_FSIZE makes the system write less than it was given: the rest must follow or fail.
TEST_F(PosixFileSystemTest, ReportsAShortWriteInsteadOfDroppingTheRest) {
  const auto file = files_.create(directory_.file("a")).take();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 6, .rlim_max = before.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto status = file->write_at(0, "0123456789");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().sentence(), HasSubstr("File too large"));
}

TEST_F(PosixFileSystemTest, WritesWholeFilesDurably) {
  const std::string path = directory_.file("config");
  ASSERT_TRUE(write_file_durably(files_, path, "one").ok());
  ASSERT_TRUE(write_file_durably(files_, path, "two").ok());
  EXPECT_EQ(read_file(files_, path).value(), "two");
  EXPECT_THAT(files_.list(directory_.path()).value(), ElementsAre("config"));
  EXPECT_FALSE(read_file(files_, directory_.file("none")).ok());
}

// At whatever step the power goes: the old content or the new one, never a mixture or nothing.
TEST(WriteFileDurablyTest, IsAtomicAtEveryStep) {
  const std::string old_bytes(2000, 'o');
  const std::string new_bytes(3000, 'n');
  for (std::uint64_t step = 1; step < 20; ++step) {
    for (std::uint32_t seed = 0; seed < 10; ++seed) {
      FaultyFileSystem files;
      ASSERT_TRUE(write_file_durably(files, "/d/f", old_bytes).ok());
      files.lose_power_at(step);
      const bool is_promised = write_file_durably(files, "/d/f", new_bytes).ok();
      files.crash(seed);
      const std::string found = read_file(files, "/d/f").value();
      EXPECT_TRUE(found == new_bytes || (!is_promised && found == old_bytes)) << step << seed;
    }
  }
}

}  // namespace
}  // namespace stator::io
