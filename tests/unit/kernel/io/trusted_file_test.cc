#include "io/trusted_file.h"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::io {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class TrustedFileTest : public testing::Test {
 protected:
  TrustedFileTest() {
    std::string name = (fs::temp_directory_path() / "stator-trusted-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    fs::create_directories(folder_ + "/a/b");
    file_ = folder_ + "/a/b/lib.so";
    std::ofstream(file_) << "content";
    chmod(file_.c_str(), 0644);
    for (const char* at : {"/a", "/a/b"}) chmod((folder_ + at).c_str(), 0755);
  }
  ~TrustedFileTest() override { fs::remove_all(folder_); }
  std::string concern(const std::string& path) {
    return read_trusted_file(path, 100).take().concern;
  }
  std::string refused(const std::string& path) {
    return read_trusted_file(path, 100).error().sentence();
  }

  std::string folder_;
  std::string file_;
};

TEST_F(TrustedFileTest, ReadsWhatNobodyElseCanChange) {
  auto file = read_trusted_file(file_, 100);
  ASSERT_TRUE(file.ok()) << file.error().sentence();
  EXPECT_EQ(file.value().bytes, "content");
  EXPECT_EQ(file.value().concern, "");  // the system's folder for temporary files is sticky
}

TEST_F(TrustedFileTest, AFileThatItsGroupCanWriteIsNamedWithModeAndRemedy) {
  chmod(file_.c_str(), 0664);
  EXPECT_EQ(concern(file_), file_ + " has mode 0664, so others can change it: chmod go-w " + file_);
}

TEST_F(TrustedFileTest, EveryFolderAboveCounts) {
  chmod((folder_ + "/a").c_str(), 0777);  // a grandparent
  EXPECT_THAT(concern(file_), AllOf(HasSubstr(folder_ + "/a has mode 0777"),
                                    HasSubstr("chmod go-w " + folder_ + "/a")));
  chmod((folder_ + "/a").c_str(), 01777);  // sticky: nobody can replace what is another's
  EXPECT_EQ(concern(file_), "");
}

TEST_F(TrustedFileTest, AnotherOwnerIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(file_.c_str(), 12345, 0), 0);
  EXPECT_THAT(concern(file_), HasSubstr("is owned by user 12345, not by root or by user 0"));
}

TEST_F(TrustedFileTest, TheFolderOfALinkCountsAsWellAsThatOfTheFile) {
  fs::create_directories(folder_ + "/links");
  fs::create_symlink(file_, folder_ + "/links/lib.so");
  chmod((folder_ + "/links").c_str(), 0755);
  EXPECT_EQ(concern(folder_ + "/links/lib.so"), "");
  chmod((folder_ + "/links").c_str(), 0777);
  EXPECT_THAT(concern(folder_ + "/links/lib.so"), HasSubstr("/links has mode 0777"));
}

TEST_F(TrustedFileTest, RefusesWhatIsNoSmallFile) {
  EXPECT_THAT(refused(folder_), HasSubstr("is not a regular file"));
  EXPECT_THAT(refused(folder_ + "/none"), HasSubstr("cannot be found"));
  ASSERT_EQ(mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refused(folder_ + "/pipe"), HasSubstr("is not a regular file"));
  std::ofstream(file_) << std::string(101, 'x');
  EXPECT_THAT(refused(file_), HasSubstr("is larger than 100 bytes"));
}

}  // namespace
}  // namespace stator::io
