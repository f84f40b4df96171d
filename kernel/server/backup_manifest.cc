#include "server/backup_manifest.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "base/limits.h"
#include "io/sha256.h"

namespace stator::server {
namespace {

constexpr std::string_view kPartial = ".partial";
constexpr std::size_t kSumDigits = 64;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// A chain hash has 64 bits, more than the numbers of many JSON readers.
std::string hex_of(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

bool read_number(json::Reader& reader, std::uint64_t& out) {
  std::string_view token;
  return reader.peek() == json::Kind::kNumber && reader.number(token) &&
         json::to_integer(token, out);
}

bool read_text(json::Reader& reader, std::string& out) {
  json::RawString raw;
  if (reader.peek() != json::Kind::kString || !reader.string(raw)) return false;
  out = json::unescape(raw);
  return true;
}

bool read_lsn(json::Reader& reader, Lsn& out) {
  std::uint64_t number = 0;
  if (!read_number(reader, number)) return false;
  out = Lsn{number};
  return true;
}

bool read_hex(json::Reader& reader, std::uint64_t& out) {
  std::string text;
  if (!read_text(reader, text) || text.size() != 16) return false;
  const auto [stop, reason] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return reason == std::errc() && stop == text.data() + text.size();
}

bool read_log(json::Reader& reader, wal::CopiedRange& log) {
  Lsn last;
  int members = 0;
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key); ++members) {
    bool is_good = false;
    if (key.text == "first") is_good = read_lsn(reader, log.begin.next);
    if (key.text == "last") is_good = read_lsn(reader, last);
    if (key.text == "chain_before") is_good = read_hex(reader, log.begin.chain);
    if (key.text == "chain") is_good = read_hex(reader, log.end.chain);
    if (!is_good) return false;
  }
  log.end.next = Lsn{last.value() + 1};
  return !reader.failed() && members == 4;
}

bool read_base(json::Reader& reader, std::optional<BackupBase>& base) {
  if (reader.peek() == json::Kind::kNull) return reader.null();
  base.emplace();
  int members = 0;
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key); ++members) {
    bool is_good = false;
    if (key.text == "name") is_good = read_text(reader, base->name) && is_backup_name(base->name);
    if (key.text == "manifest_sha256")
      is_good =
          read_text(reader, base->manifest_sha256) && base->manifest_sha256.size() == kSumDigits;
    if (!is_good) return false;
  }
  return !reader.failed() && members == 2;
}

bool read_file(json::Reader& reader, BackupFile& file) {
  int members = 0;
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key); ++members) {
    bool is_good = false;
    if (key.text == "name") is_good = read_text(reader, file.name);
    if (key.text == "bytes") is_good = read_number(reader, file.bytes);
    if (key.text == "sha256")
      is_good = read_text(reader, file.sha256) && file.sha256.size() == kSumDigits;
    if (!is_good) return false;
  }
  return !reader.failed() && members == 3;
}

bool read_files(json::Reader& reader, std::vector<BackupFile>& files) {
  for (reader.enter_array(); reader.next_element();) {
    files.emplace_back();
    if (!read_file(reader, files.back())) return false;
  }
  return !reader.failed();
}

// Exactly the files that such a backup has, in this order.
bool has_its_files(const BackupManifest& manifest) {
  std::vector<std::string> expected;
  if (!manifest.base) {
    for (std::uint32_t lane = 0; lane < manifest.lanes; ++lane)
      expected.push_back(backup_lane_file(lane));
    expected.emplace_back(kBackupLayout);
  }
  expected.emplace_back(kBackupLog);
  return std::equal(
      expected.begin(), expected.end(), manifest.files.begin(), manifest.files.end(),
      [](const std::string& name, const BackupFile& file) { return name == file.name; });
}

Error corrupted(std::string sentence) { return Error(ErrorCode::kCorrupted, std::move(sentence)); }

Status check_whole(const BackupManifest& manifest, std::uint64_t format, int members) {
  if (format != kBackupFormat) {
    return Error(ErrorCode::kUnsupported, "it has format " + std::to_string(format) +
                                              ", this version knows " +
                                              std::to_string(kBackupFormat));
  }
  const bool is_range = manifest.log.begin.next <= manifest.log.end.next &&
                        manifest.log.end.next == Lsn{manifest.lsn.value() + 1};
  const bool has_lanes = manifest.lanes >= 1 && manifest.lanes <= kLanesMax;
  if (members != 9 || !is_range || !has_lanes || !has_its_files(manifest))
    return corrupted("it is not whole");
  return ok_status();
}

}  // namespace

std::string backup_lane_file(std::uint32_t lane) { return "lane-" + std::to_string(lane) + ".mdb"; }

bool is_backup_name(std::string_view name) {
  if (name.empty() || name.size() > kBackupNameBytesMax || name.front() == '.') return false;
  return !name.ends_with(kPartial) && std::all_of(name.begin(), name.end(), is_name_character);
}

std::string format_manifest(const BackupManifest& manifest) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("format", kBackupFormat)
      .field("version", std::string_view(manifest.version))
      .field("name", std::string_view(manifest.name))
      .field("lsn", manifest.lsn.value())
      .field("created", std::string_view(manifest.created))
      .field("lanes", manifest.lanes);
  json.key("log")
      .begin_object()
      .field("first", manifest.log.begin.next.value())
      .field("last", manifest.log.end.next.value() - 1)
      .field("chain_before", std::string_view(hex_of(manifest.log.begin.chain)))
      .field("chain", std::string_view(hex_of(manifest.log.end.chain)))
      .end_object();
  json.key("base");
  if (manifest.base) {
    json.begin_object()
        .field("name", std::string_view(manifest.base->name))
        .field("manifest_sha256", std::string_view(manifest.base->manifest_sha256))
        .end_object();
  } else {
    json.null();
  }
  json.key("files").begin_array();
  for (const BackupFile& file : manifest.files) {
    json.begin_object()
        .field("name", std::string_view(file.name))
        .field("bytes", file.bytes)
        .field("sha256", std::string_view(file.sha256))
        .end_object();
  }
  json.end_array().end_object();
  return out.take() + "\n";
}

Result<BackupManifest> parse_manifest(std::string_view text) {
  BackupManifest manifest;
  std::uint64_t format = 0;
  std::uint64_t lanes = 0;
  int members = 0;
  json::Reader reader(text);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key); ++members) {
    bool is_good = false;
    if (key.text == "format") is_good = read_number(reader, format);
    if (key.text == "version") is_good = read_text(reader, manifest.version);
    if (key.text == "name") is_good = read_text(reader, manifest.name);
    if (key.text == "lsn") is_good = read_lsn(reader, manifest.lsn);
    if (key.text == "created") is_good = read_text(reader, manifest.created);
    if (key.text == "lanes") is_good = read_number(reader, lanes);
    if (key.text == "log") is_good = read_log(reader, manifest.log);
    if (key.text == "base") is_good = read_base(reader, manifest.base);
    if (key.text == "files") is_good = read_files(reader, manifest.files);
    if (!is_good) return corrupted("'" + std::string(key.text) + "' is not as expected");
  }
  if (reader.failed() || !reader.at_end()) return corrupted("it is not JSON");
  manifest.lanes = static_cast<std::uint32_t>(std::min<std::uint64_t>(lanes, kLanesMax + 1));
  STATOR_CHECK(check_whole(manifest, format, members));
  return manifest;
}

std::string manifest_sum_line(std::string_view sum) { return std::string(sum) + "  MANIFEST\n"; }

Result<ReadManifest> read_manifest(io::FileSystem& files, const std::string& directory) {
  const std::string path = directory + "/MANIFEST";
  STATOR_TRY(const bool is_there, files.exists(path));
  if (!is_there)
    return Error(ErrorCode::kNotFound, "there is no backup in " + directory + " (no MANIFEST)");
  STATOR_TRY(const std::string text, io::read_file(files, path));
  STATOR_TRY(const std::string line, io::read_file(files, path + ".sha256"));
  ReadManifest read;
  read.sha256 = io::sha256_hex(text);
  if (line != manifest_sum_line(read.sha256)) {
    return corrupted(path + " does not have the checksum that " + path +
                     ".sha256 says: one of them is damaged");
  }
  auto parsed = parse_manifest(text);
  if (!parsed.ok())
    return Error(parsed.error().code(), path + " cannot be used: " + parsed.error().sentence());
  read.manifest = parsed.take();
  return read;
}

}  // namespace stator::server
