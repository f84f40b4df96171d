#include "server/backup_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/sha256.h"
#include "unit/kernel/io/faulty_file_system.h"

namespace stator::server {
namespace {

using testing::HasSubstr;

BackupManifest full() {
  BackupManifest manifest;
  manifest.version = "0.1.0";
  manifest.name = "monday";
  manifest.lsn = Lsn{42};
  manifest.created = "2026-11-24T03:48:14Z";
  manifest.lanes = 2;
  manifest.log = {{Lsn{40}, 0xfedcba9876543210u}, {Lsn{43}, 7}};
  for (const char* name : {"lane-0.mdb", "lane-1.mdb", "LAYOUT", "log"}) {
    manifest.files.push_back({name, 12, io::sha256_hex(name)});
  }
  return manifest;
}

BackupManifest incremental() {
  BackupManifest manifest = full();
  manifest.base = BackupBase{"sunday", io::sha256_hex("sunday's manifest")};
  manifest.files = {{"log", 0, io::sha256_hex("")}};
  return manifest;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

ErrorCode fault_of(const std::string& text) {
  auto parsed = parse_manifest(text);
  return parsed.ok() ? ErrorCode::kOk : parsed.error().code();
}

TEST(BackupManifestTest, IsReadAsItWasWritten) {
  for (const BackupManifest& written : {full(), incremental()}) {
    auto read = parse_manifest(format_manifest(written));
    ASSERT_TRUE(read.ok()) << read.error().sentence();
    const BackupManifest& manifest = read.value();
    EXPECT_EQ(format_manifest(manifest), format_manifest(written));
    EXPECT_EQ(manifest.log.begin.chain, 0xfedcba9876543210u);
    EXPECT_EQ(manifest.log.end.next, Lsn{43});
    EXPECT_EQ(manifest.lsn, Lsn{42});
    EXPECT_EQ(manifest.files.size(), written.files.size());
    EXPECT_EQ(manifest.base.has_value(), written.base.has_value());
  }
}

TEST(BackupManifestTest, AnotherFormatIsSaid) {
  EXPECT_EQ(fault_of(replaced(format_manifest(full()), R"("format":1)", R"("format":2)")),
            ErrorCode::kUnsupported);
}

TEST(BackupManifestTest, WhatIsNotWholeIsRefused) {
  const std::string good = format_manifest(full());
  EXPECT_EQ(fault_of(""), ErrorCode::kCorrupted);
  EXPECT_EQ(fault_of("{}"), ErrorCode::kUnsupported) << "a format that is not said is not ours";
  EXPECT_EQ(fault_of(good.substr(0, good.size() - 3)), ErrorCode::kCorrupted);
  EXPECT_EQ(fault_of(good + "x"), ErrorCode::kCorrupted);
  EXPECT_EQ(fault_of(replaced(good, R"("lanes":2)", R"("lanes":3)")), ErrorCode::kCorrupted)
      << "a lane's file is missing";
  EXPECT_EQ(fault_of(replaced(good, R"("lsn":42)", R"("lsn":41)")), ErrorCode::kCorrupted)
      << "the log ends elsewhere";
  EXPECT_EQ(fault_of(replaced(good, R"("name":"log")", R"("name":"../log")")),
            ErrorCode::kCorrupted);
  EXPECT_EQ(fault_of(replaced(good, R"("version")", R"("vers1on")")), ErrorCode::kCorrupted);
}

// Else it could name itself, and a restore would have no end.
TEST(BackupManifestTest, ABaseHasASum) {
  const std::string good = format_manifest(incremental());
  const std::size_t from = good.find(R"("manifest_sha256":")") + 19;
  std::string bad = good;
  bad.erase(from, good.find('"', from) - from);
  EXPECT_EQ(fault_of(bad), ErrorCode::kCorrupted);
}

TEST(BackupManifestTest, ABaseIsANameNotAPath) {
  EXPECT_EQ(fault_of(replaced(format_manifest(incremental()), "sunday", "../../x")),
            ErrorCode::kCorrupted);
}

TEST(BackupManifestTest, EveryFlippedByteIsFoundAndTheFileNamed) {
  io::FaultyFileSystem files;
  const std::string text = format_manifest(full());
  const std::string sum_line = manifest_sum_line(io::sha256_hex(text));
  ASSERT_TRUE(io::write_file_durably(files, "/b/MANIFEST", text).ok());
  ASSERT_TRUE(io::write_file_durably(files, "/b/MANIFEST.sha256", sum_line).ok());
  ASSERT_TRUE(read_manifest(files, "/b").ok());
  for (const std::string path : {"/b/MANIFEST", "/b/MANIFEST.sha256"}) {
    const std::string good = files.content(path);
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      files.set_content(path, bad);
      auto read = read_manifest(files, "/b");
      ASSERT_FALSE(read.ok()) << path << " byte " << i;
      ASSERT_THAT(read.error().sentence(), HasSubstr(path));
    }
    files.set_content(path, good);
  }
}

TEST(BackupManifestTest, ADirectoryWithoutOneIsNoBackup) {
  io::FaultyFileSystem files;
  auto read = read_manifest(files, "/nothing");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(read.error().sentence(), HasSubstr("/nothing"));
}

TEST(BackupManifestTest, NamesAreNamesOfDirectories) {
  for (const char* good : {"a", "monday", "2026-11-24", "A_b.c", "x.partial2"})
    EXPECT_TRUE(is_backup_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".a", "a/b", "a b", "a\n", "\xc3\xa4", "x.partial"})
    EXPECT_FALSE(is_backup_name(bad)) << bad;
  EXPECT_TRUE(is_backup_name(std::string(64, 'a')));
  EXPECT_FALSE(is_backup_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace stator::server
