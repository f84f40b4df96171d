// `stator pull-backup` against a server in a thread that sends what a backup must not be: nothing
// is left of it.
#include "pull_backup.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "digest.h"
#include "failure.h"
#include "fake_server.h"
#include "pulled_backup.h"
#include "support/server_process.h"

namespace stator::client {
namespace {

using ::testing::HasSubstr;

// {"offset":0,"data":"YWJj"} is "abc".
std::string piece(const std::string& file, const std::string& rest) {
  return R"({"request_id":1,"status":"partial","payload":{"file":")" + file + "\"," + rest + "}}";
}

std::string base64(const std::string& text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= text.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

std::string sum(const std::string& text) {
  Digest digest;
  digest.add(text);
  return digest.so_far();
}

std::string whole(const std::string& file, const std::string& text) {
  return piece(file, R"("offset":0,"data":")" + base64(text) + '"');
}

std::string manifest(const std::string& sum_of_log) {
  return R"({"name":"x","files":[{"name":"log","bytes":3,"sha256":")" + sum_of_log + "\"}]}\n";
}

constexpr const char* kBegin =
    R"({"request_id":1,"status":"partial","payload":{"name":"x","format":1}})";
constexpr const char* kEnd = R"({"request_id":1,"status":"ok","payload":{"name":"x","lsn":7}})";

class PullTest : public testing::Test {
 protected:
  std::string path() const { return directory_.path() + "/x"; }
  // What it says; "" where it fails, with the reason in fault_.
  std::string pull(const std::vector<std::string>& frames, const std::string& base_manifest = "") {
    FakeServer server([&](std::uint64_t, const std::string& body) {
      request_ = body;
      return frames;
    });
    Connection connection(server.address());
    std::ostringstream err;
    try {
      return pull_backup(connection, {.path = path(), .base_manifest = base_manifest, .err = err});
    } catch (const Failure& fault) {
      fault_ = fault.what();
      return "";
    }
  }
  void expect_refused(const std::vector<std::string>& frames, const std::string& why) {
    EXPECT_EQ(pull(frames), "");
    EXPECT_THAT(fault_, HasSubstr(why));
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path())) << why;
  }
  std::string content(const std::string& file) const {
    std::ifstream in(path() + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  test::TempDir directory_;
  std::string request_;
  std::string fault_;
};

TEST_F(PullTest, WhatIsWholeBecomesTheDirectory) {
  const std::string good = manifest(sum("abc"));
  const std::string said =
      pull({kBegin, piece("log", R"("offset":0,"data":"YWI=")"),
            piece("log", R"("offset":2,"data":"Yw==")"), whole("MANIFEST", good),
            whole("MANIFEST.sha256", sum(good) + "  MANIFEST\n"), kEnd},
           "the base's \"text\"");
  EXPECT_EQ(said, R"({"name":"x","lsn":7})") << fault_;
  EXPECT_EQ(request_,
            R"({"op":"backup_stream","name":"x","deadline_ms":600000,"payload_format":"json",)"
            R"("base_manifest":"the base's \"text\""})");
  EXPECT_EQ(content("log"), "abc");
  EXPECT_EQ(content("MANIFEST"), good);
  EXPECT_EQ(std::filesystem::status(path() + "/log").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(PullTest, WhatIsNotWhatItsManifestSaysIsNone) {
  const std::string good = manifest(sum("abc"));
  const std::string sum_line = sum(good) + "  MANIFEST\n";
  const std::string log = whole("log", "abc");
  expect_refused({kBegin, whole("log", "abd"), whole("MANIFEST", good),
                  whole("MANIFEST.sha256", sum_line), kEnd},
                 "'log' is not what its MANIFEST says");
  expect_refused({kBegin, log, whole("MANIFEST", good),
                  whole("MANIFEST.sha256", sum("") + "  MANIFEST\n"), kEnd},
                 "its MANIFEST has another checksum");
  expect_refused({kBegin, whole("MANIFEST", good), whole("MANIFEST.sha256", sum_line), kEnd},
                 "a file is missing");
  expect_refused({kBegin, log, kEnd}, "it has no MANIFEST");
  expect_refused({kBegin, kEnd}, "it has no MANIFEST");
  expect_refused({kBegin, log, whole("more", ""), whole("MANIFEST", good),
                  whole("MANIFEST.sha256", sum_line), kEnd},
                 "a file is missing");
}

TEST_F(PullTest, PiecesThatDoNotFollowAreRefused) {
  expect_refused({kBegin, piece("log", R"("offset":1,"data":"YWJj")")},
                 "a piece of 'log' is missing");
  expect_refused({kBegin, whole("log", "abc"), whole("log", "abc")}, "a piece of 'log' is missing");
  expect_refused({kBegin, whole("log", "abc"), whole("LAYOUT", "abc"), whole("log", "abc")},
                 "a file comes twice");
  expect_refused({kBegin, piece("log", R"("offset":0,"data":"YW!j")")}, "not base64");
}

TEST_F(PullTest, AFileIsWrittenNowhereElse) {
  for (const char* name : {"../up", "/etc/x", "a/b", ".hidden", "", "a\\u0000b"}) {
    expect_refused({kBegin, piece(name, R"("offset":0,"data":"YWJj")")}, "a file's name");
  }
}

TEST_F(PullTest, AnErrorAndABrokenConnectionLeaveNothing) {
  expect_refused(
      {kBegin, whole("log", "abc"),
       R"({"request_id":1,"status":"error","payload":null,"error_code":"busy","error":"the server stops"})"},
      "busy: the server stops");
  expect_refused({kBegin, whole("log", "abc"), "close"}, "");
}

TEST_F(PullTest, ASecondPullToOnePathLeavesTheFirstAlone) {
  std::filesystem::create_directory(path() + ".partial");
  std::ofstream(path() + ".partial/log") << "of a pull that was killed";
  PulledBackup first(path());
  first.add("log", 0, "abc");
  try {
    PulledBackup second(path());
    FAIL() << "two write one directory";
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("another pull writes"));
  }
  const std::string text = manifest(sum("abc"));
  first.add("MANIFEST", 0, text);
  first.add("MANIFEST.sha256", 0, sum(text) + "  MANIFEST\n");
  first.finish();
  EXPECT_EQ(content("log"), "abc");
}

// Of somebody else's choosing, perhaps; and one to nowhere must not be waited for.
TEST_F(PullTest, ALinkInThePlaceOfThePartialOneIsNotFollowed) {
  const std::string photos = path() + "-photos";
  std::filesystem::create_directory(photos);
  std::ofstream(photos + "/one") << "mine";
  for (const std::string& to : {photos, path() + "-nowhere"}) {
    std::filesystem::create_directory_symlink(to, path() + ".partial");
    EXPECT_EQ(pull({kBegin, kEnd}), "");
    EXPECT_THAT(fault_, HasSubstr("cannot write"));
    EXPECT_TRUE(std::filesystem::exists(photos + "/one"));
    std::filesystem::remove(path() + ".partial");
  }
}

TEST_F(PullTest, WhatIsThereIsNotTouched) {
  std::filesystem::create_directory(path());
  EXPECT_EQ(pull({kBegin, kEnd}), "");
  EXPECT_THAT(fault_, HasSubstr("exists already"));
  EXPECT_TRUE(std::filesystem::is_directory(path()));
}

}  // namespace
}  // namespace stator::client
