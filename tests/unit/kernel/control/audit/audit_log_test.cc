#include "control/audit/audit_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "control/audit/audit_verify.h"
#include "unit/kernel/io/faulty_file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::audit {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  void append(int events, std::uint64_t file_bytes = 2048) {
    auto log = AuditLog::open(files_, system_clock(), {directory_, file_bytes});
    ASSERT_TRUE(log.ok()) << log.error().sentence();
    for (int i = 0; i < events; ++i) {
      const std::string details = R"({"n":)" + std::to_string(i) + "}";
      log.value()->append({.event = "op", .user = "an\"na", .tenant = 1, .op = "user_drop", .details = details, .outcome = "ok"});
    }
    EXPECT_TRUE(log.value()->check().ok());
  }
  std::vector<std::string> names() {
    auto all = files_.list(directory_).take();
    std::erase(all, "HEAD");
    return all;
  }
  std::string path(std::size_t i) { return directory_ + "/" + names().at(i); }
  std::string read(std::size_t i) { return io::read_file(files_, path(i)).take(); }
  void write(std::size_t i, const std::string& text) { ASSERT_TRUE(io::write_file_durably(files_, path(i), text).ok()); }
  // Empty: the log is whole; else what verify says.
  std::string fault(const Position& expected = {}) {
    auto report = verify(files_, directory_, expected);
    return report.ok() ? "" : report.error().sentence();
  }
  Position end() { return verify(files_, directory_, {}).take().last; }

  io::TempDirectory temp_;
  io::FileSystem& files_ = io::posix_file_system();
  std::string directory_ = temp_.path() + "/audit";
};

TEST_F(AuditLogTest, TheChainGoesOnOverRestartsAndFiles) {
  append(20);
  const Position first = end();
  EXPECT_EQ(first.sequence, 20u);
  append(20);
  EXPECT_EQ(end().sequence, 40u);
  EXPECT_GT(names().size(), 3u);
  EXPECT_EQ(fault(first), "");
}

TEST(FullAuditDiskTest, HealsAndSaysWhatIsMissing) {
  io::FaultyFileSystem files;
  {
    auto log = AuditLog::open(files, system_clock(), {"/d/audit", 1 << 20}).take();
    log->append({.event = "op", .op = "before", .outcome = "ok"});
    EXPECT_TRUE(log->check().ok());
    files.set_space(1);
    log->append({.event = "op", .op = "first", .outcome = "ok"});
    log->append({.event = "op", .op = "second", .outcome = "ok"});
    EXPECT_EQ(log->check().error().code(), ErrorCode::kDiskFull);
    files.set_space(1 << 20);
    EXPECT_TRUE(log->check().ok());
    log->append({.event = "op", .op = "after", .outcome = "ok"});
  }
  auto report = verify(files, "/d/audit", {});
  ASSERT_TRUE(report.ok()) << report.error().sentence();
  EXPECT_EQ(report.value().last.sequence, 3u);
  const std::string text = io::read_file(files, "/d/audit/00000000000000000001.audit").take();
  EXPECT_NE(text.find(R"({"lines":2})"), std::string::npos) << text;
}

TEST_F(AuditLogTest, AFlippedBitIsSeenAnywhere) {
  append(12);
  for (std::size_t file = 0; file < names().size(); ++file) {
    const std::string good = read(file);
    for (std::size_t at = 0; at < good.size(); at += 7) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      write(file, bad);
      ASSERT_NE(fault(), "") << file << " at " << at;
    }
    write(file, good);
  }
  EXPECT_EQ(fault(), "");
}

TEST_F(AuditLogTest, LinesThatAreMissingOrMovedAreSeen) {
  append(6, 1 << 20);
  const std::string good = read(0);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < good.size(); at = good.find('\n', at) + 1) {
    lines.push_back(good.substr(at, good.find('\n', at) + 1 - at));
  }
  const auto join = [](const std::vector<std::string>& parts) {
    std::string all;
    for (const std::string& part : parts) all += part;
    return all;
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto fewer = lines;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    write(0, join(fewer));
    EXPECT_NE(fault(), "") << "without line " << i;
    auto doubled = lines;
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    write(0, join(doubled));
    EXPECT_NE(fault(), "") << "line twice " << i;
    if (i == 0) continue;
    auto moved = lines;
    std::swap(moved[i], moved[i - 1]);
    write(0, join(moved));
    EXPECT_NE(fault(), "") << "moved " << i;
  }
  for (const std::size_t size : {good.size() - 1, good.size() / 2, std::size_t{0}}) {
    write(0, good.substr(0, size));
    EXPECT_NE(fault(), "") << "cut to " << size;
  }
}

TEST_F(AuditLogTest, AMissingFileIsSeen) {
  append(20, 1024);
  const std::size_t count = names().size();
  ASSERT_GE(count, 4u);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = path(i);
    const std::string good = read(i);
    ASSERT_TRUE(files_.remove(name).ok());
    EXPECT_NE(fault(), "") << name;
    ASSERT_TRUE(io::write_file_durably(files_, name, good).ok());
  }
  EXPECT_EQ(fault(), "");
}

TEST_F(AuditLogTest, ALogThatWasWrittenAnewIsSeenByWhoNotedAPosition) {
  append(5);
  const Position noted = end();
  ASSERT_TRUE(files_.remove(directory_).ok());
  append(6);
  EXPECT_EQ(fault(), "");
  EXPECT_NE(fault(noted), "");
}

TEST_F(AuditLogTest, ATornLineBehindHeadIsCutAndNoted) {
  append(5, 1 << 20);
  const std::string good = read(0);
  write(0, good + R"({"seq":6,"time_ms":1)");
  EXPECT_TRUE(verify(files_, directory_, {}).take().has_torn_line);
  append(1, 1 << 20);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(end().sequence, 7u);
  EXPECT_NE(read(0).find(R"("event":"tail_cut")"), std::string::npos);
}

TEST_F(AuditLogTest, DoesNotGoOnBehindALogThatWasCutOrChanged) {
  append(5, 1 << 20);
  const std::string good = read(0);
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;
  for (const std::string& text : {bad, good.substr(0, good.rfind('\n', good.size() - 2) + 1), std::string()}) {
    write(0, text);
    auto log = AuditLog::open(files_, system_clock(), {directory_, 4096});
    ASSERT_FALSE(log.ok());
    EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted);
  }
  ASSERT_TRUE(files_.remove(path(0)).ok());
  EXPECT_FALSE(AuditLog::open(files_, system_clock(), {directory_, 4096}).ok());
}

}  // namespace
}  // namespace stator::audit
