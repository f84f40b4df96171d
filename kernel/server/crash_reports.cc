#include "server/crash_reports.h"

#include <algorithm>
#include <filesystem>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "base/limits.h"
#include "base/log.h"

namespace stator::server {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kHalfSuffix = ".tmp";
// More than the handler writes.
constexpr std::uintmax_t kReportBytesMax = 64u * 1024;

std::string* text_of(CrashReport& report, std::string_view key) {
  if (key == "signal") return &report.signal;
  if (key == "engine") return &report.engine;
  if (key == "version") return &report.version;
  if (key == "sha256") return &report.sha256;
  if (key == "phase") return &report.phase;
  if (key == "op") return &report.op;
  if (key == "request_op") return &report.request_op;
  if (key == "request") return &report.request;
  if (key == "collection") return &report.collection;
  if (key == "record_crc") return &report.record_crc;
  return nullptr;
}

std::uint64_t* number_of(CrashReport& report, std::string_view key) {
  if (key == "time_ms") return &report.time_ms;
  if (key == "tenant") return &report.tenant;
  if (key == "lsn") return &report.lsn;
  if (key == "record_type") return &report.record_type;
  return nullptr;
}

void read_value(json::Reader& reader, const std::string& key, CrashReport& report) {
  json::RawString text;
  std::string_view token;
  if (std::string* to = text_of(report, key)) {
    if (reader.string(text)) *to = json::unescape(text);
    return;
  }
  std::uint64_t* number = number_of(report, key);
  if (number == nullptr) {
    reader.skip(token);
    return;
  }
  if (reader.number(token)) json::to_integer(token, *number);
}

// By time: of one process, and in a directory that one server has at a time, that is their order.
std::vector<std::string> names_of(io::FileSystem& files, const std::string& directory,
                                  std::string_view suffix) {
  auto names = files.list(directory);
  if (!names.ok()) return {};  // nothing crashed yet
  std::vector<std::string> found = names.take();
  std::erase_if(found, [&](const std::string& name) { return !name.ends_with(suffix); });
  return found;
}

// What else lies there (a FIFO, a directory, a large file), or is forgotten at this moment by
// `statord plugin retry`, keeps no server from its start.
Result<CrashReport> read_report(io::FileSystem& files, const std::string& path) {
  std::error_code reason;
  const bool is_file = std::filesystem::is_regular_file(path, reason);
  if (!is_file || std::filesystem::file_size(path, reason) > kReportBytesMax) {
    return Error(ErrorCode::kCorrupted, "it is no file of a report's size");
  }
  STATOR_TRY(const std::string text, io::read_file(files, path));
  return parse_crash_report(text);
}

bool is_before_open(const CrashReport& report) {
  return report.phase == "load" || report.phase == "describe" || report.phase == "open";
}

}  // namespace

std::string crash_directory(const std::string& data_dir) { return data_dir + "/crashes"; }

Result<CrashReport> parse_crash_report(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  CrashReport report;
  report.json = text;
  json::Reader reader(text);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    read_value(reader, json::unescape(key), report);
  }
  if (!reader.at_end() || report.engine.empty() || report.phase.empty() || report.time_ms == 0) {
    return Error(ErrorCode::kCorrupted, "it is no report of a crash");
  }
  return report;
}

std::vector<CrashReport> read_crash_reports(io::FileSystem& files, const std::string& data_dir) {
  const std::string directory = crash_directory(data_dir);
  std::vector<CrashReport> reports;
  for (const std::string& name : names_of(files, directory, kSuffix)) {
    const std::string path = directory + "/" + name;
    auto report = read_report(files, path);
    if (!report.ok()) {
      log::warn(path + " is passed over: " + report.error().sentence());
      continue;
    }
    reports.push_back(report.take());
    reports.back().file = path;
  }
  std::stable_sort(reports.begin(), reports.end(), [](const CrashReport& a, const CrashReport& b) {
    return a.time_ms < b.time_ms;
  });
  return reports;
}

Status tidy_crash_reports(io::FileSystem& files, const std::string& data_dir) {
  const std::string directory = crash_directory(data_dir);
  for (const std::string& name : names_of(files, directory, kHalfSuffix)) {
    STATOR_CHECK(files.remove(directory + "/" + name));
  }
  const std::vector<CrashReport> reports = read_crash_reports(files, data_dir);
  for (std::size_t i = 0; i + kCrashReportsMax < reports.size(); ++i) {
    STATOR_CHECK(files.remove(reports[i].file));
  }
  return ok_status();
}

Result<int> run_crash_command(const CrashCommand& command, std::ostream& out) {
  io::FileSystem& files = io::posix_file_system();
  const std::vector<CrashReport> reports = read_crash_reports(files, command.data_dir);
  std::uint64_t forgotten = 0;
  for (const CrashReport& report : reports) {
    if (!command.engine.empty() && report.engine != command.engine) continue;
    if (!command.forgets) {
      out << report.json << '\n';
      continue;
    }
    STATOR_CHECK(files.remove(report.file));
    ++forgotten;
  }
  if (!command.forgets) return 0;
  json::StringOut text;
  json::Writer(text)
      .begin_object()
      .field("event", "retry")
      .field("forgotten", forgotten)
      .end_object();
  out << text.view() << '\n';
  return 0;
}

std::string why_left_out(const plugin::LibraryFile& library,
                         const std::vector<CrashReport>& reports) {
  const CrashReport* last = nullptr;
  std::size_t count = 0;
  for (const CrashReport& report : reports) {
    if (report.engine != library.manifest.id || report.sha256 != library.sha256) continue;
    if (!is_before_open(report)) continue;
    last = &report;
    ++count;
  }
  if (count < kCrashesToQuarantine) return "";
  return "engine '" + last->engine + "' " + last->version + " crashed " + std::to_string(count) +
         " times in " + last->phase + " (" + last->signal +
         ") and is left out: its data stays as it is; install a fixed version of it and restart, "
         "or "
         "have this one tried again by `statord plugin retry` and a restart";
}

}  // namespace stator::server
