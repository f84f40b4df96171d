#include "io/secret_file.h"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::io {
namespace {

using testing::HasSubstr;

TEST(SecretFileTest, IsReadOnlyWhenNobodyElseMayReadIt) {
  const TempDirectory directory;
  const std::string path = directory.file("secret");
  ASSERT_TRUE(write_file_durably(posix_file_system(), path, "the secret").ok());
  EXPECT_EQ(read_secret_file(path, 100).value(), "the secret");
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_TRUE(read_secret_file(path, 100).ok());
  for (const mode_t mode : {0640u, 0604u, 0620u, 0602u, 0610u, 0601u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    auto read = read_secret_file(path, 100);
    ASSERT_FALSE(read.ok()) << mode;
    EXPECT_EQ(read.error().code(), ErrorCode::kBadRequest);
    EXPECT_THAT(read.error().sentence(), HasSubstr(path + " can be read or written by others"));
  }
}

TEST(SecretFileTest, WhatIsNoneIsRefusedByName) {
  const TempDirectory directory;
  const std::string path = directory.file("secret");
  EXPECT_THAT(read_secret_file(path, 100).error().sentence(), HasSubstr(path + " cannot be read"));
  EXPECT_THAT(read_secret_file(directory.path(), 100).error().sentence(), HasSubstr("is no file"));
  ASSERT_TRUE(write_file_durably(posix_file_system(), path, "12345").ok());
  EXPECT_THAT(read_secret_file(path, 4).error().sentence(), HasSubstr("larger than 4 bytes"));
}

}  // namespace
}  // namespace stator::io
