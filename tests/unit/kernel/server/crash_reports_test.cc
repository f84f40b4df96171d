#include "server/crash_reports.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr const char* kReport =
    R"({"time_ms":7,"signal":"SIGSEGV","address":"0x8","engine":"e","version":"1","build_id":"","sha256":"aa",)"
    R"("phase":"apply","op":"o","request_op":"r","request":"00000000000000ff","lane":1,"tenant":3,)"
    R"("collection":"c\"\\\u0001","lsn":12,"record_type":4,"record_crc":"0000beef","later":[1,{}]})"
    "\n";

class CrashReportsTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(crash_directory(dir_.path()));
    std::ofstream(crash_directory(dir_.path()) + "/" + name) << text;
  }
  static std::string report(std::uint64_t time_ms, const std::string& engine) {
    return R"({"time_ms":)" + std::to_string(time_ms) + R"(,"engine":")" + engine +
           R"(","phase":"read"})";
  }
  std::vector<CrashReport> read() {
    return read_crash_reports(io::posix_file_system(), dir_.path());
  }
  io::TempDirectory dir_;
};

TEST_F(CrashReportsTest, ReadsWhatTheHandlerWrites) {
  auto parsed = parse_crash_report(kReport);
  ASSERT_TRUE(parsed.ok());
  const CrashReport& report = parsed.value();
  EXPECT_EQ(report.time_ms, 7u);
  EXPECT_EQ(report.signal, "SIGSEGV");
  EXPECT_EQ(report.sha256, "aa");
  EXPECT_EQ(report.request, "00000000000000ff");
  EXPECT_EQ(report.tenant, 3u);
  EXPECT_EQ(report.collection, "c\"\\\x01");
  EXPECT_EQ(report.lsn, 12u);
  EXPECT_EQ(report.record_type, 4u);
  EXPECT_EQ(report.record_crc, "0000beef");
  EXPECT_TRUE(report.is_of_apply());
}

TEST_F(CrashReportsTest, WhatIsCutIsNoReport) {
  const std::string whole = kReport;
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    EXPECT_FALSE(parse_crash_report(whole.substr(0, size)).ok()) << size;
  }
}

TEST_F(CrashReportsTest, ComeInTheOrderOfTheirTimesWithoutWhatIsNone) {
  EXPECT_THAT(read(), SizeIs(0));  // no directory
  write("20-1.json", report(20, "b"));
  write("3-9.json", report(3, "a"));
  write("4-9.json", "{");
  write("5-9.tmp", report(5, "half"));
  const auto reports = read();
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].engine, "a");
  EXPECT_EQ(reports[1].engine, "b");
}

TEST_F(CrashReportsTest, WhatCannotBeReadIsPassedOver) {
  write("1-1.json", report(1, "a"));
  const std::string directory = crash_directory(dir_.path());
  std::filesystem::create_directory(directory + "/2-1.json");
  std::filesystem::create_symlink("nowhere", directory + "/3-1.json");
  ASSERT_EQ(mkfifo((directory + "/4-1.json").c_str(), 0600), 0);
  write("5-1.json", report(5, std::string(std::size_t{1} << 20, 'e')));
  ASSERT_THAT(read(), SizeIs(1));
  EXPECT_TRUE(tidy_crash_reports(io::posix_file_system(), dir_.path()).ok());
}

TEST_F(CrashReportsTest, AStartRemovesTheOldestAndWhatIsHalfWritten) {
  for (std::uint64_t i = 1; i <= kCrashReportsMax + 3; ++i) {
    write(std::to_string(i) + "-1.json", report(i, "e"));
  }
  write("1-2.tmp", "{");
  ASSERT_TRUE(tidy_crash_reports(io::posix_file_system(), dir_.path()).ok());
  const auto reports = read();
  ASSERT_THAT(reports, SizeIs(kCrashReportsMax));
  EXPECT_EQ(reports.front().time_ms, 4u);
  EXPECT_FALSE(std::filesystem::exists(crash_directory(dir_.path()) + "/1-2.tmp"));
}

TEST_F(CrashReportsTest, RetryForgetsThoseOfOneEngineOrAll) {
  write("1-1.json", report(1, "a"));
  write("2-1.json", report(2, "b"));
  std::ostringstream out;
  ASSERT_TRUE(run_crash_command({dir_.path(), "a", true}, out).ok());
  EXPECT_THAT(out.str(), HasSubstr("\"forgotten\":1"));
  ASSERT_THAT(read(), SizeIs(1));
  EXPECT_EQ(read()[0].engine, "b");
  ASSERT_TRUE(run_crash_command({dir_.path(), "", true}, out).ok());
  EXPECT_THAT(read(), SizeIs(0));
}

TEST_F(CrashReportsTest, OnlyTheSameBuildIsLeftOut) {
  plugin::LibraryFile library;
  library.manifest.id = "e";
  library.sha256 = "aa";
  CrashReport open;
  open.engine = "e";
  open.sha256 = "aa";
  open.phase = "open";
  CrashReport other = open;
  other.sha256 = "bb";
  CrashReport later = open;
  later.phase = "read";
  EXPECT_EQ(why_left_out(library, {open, other, later}), "");
  EXPECT_THAT(why_left_out(library, {open, other, open}), HasSubstr("left out"));
}

}  // namespace
}  // namespace stator::server
