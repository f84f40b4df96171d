// The reports of crashes in a data directory (docs/formats/crashes.md), and what follows from them.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/file_system.h"
#include "plugin/library_file.h"

namespace stator::server {

struct CrashReport {
  std::string file;  // its path
  std::string json;  // all of it, one object
  std::uint64_t time_ms = 0;
  std::string signal;  // or what else it was
  std::string engine;
  std::string version;
  std::string sha256;
  std::string phase;
  std::string op;
  std::string request_op;
  std::string request;  // empty: no request is known
  std::uint64_t tenant = 0;
  std::string collection;
  std::uint64_t lsn = 0;  // 0: no record was applied
  std::uint64_t record_type = 0;
  std::string record_crc;

  bool is_of_apply() const { return phase == "apply" || phase == "replay"; }
};

std::string crash_directory(const std::string& data_dir);

// Error: it is no such object.
Result<CrashReport> parse_crash_report(std::string_view json);

// Every whole report, the oldest first. What is no report is passed over with a warning.
std::vector<CrashReport> read_crash_reports(io::FileSystem& files, const std::string& data_dir);

// Removes what a crash left half-written, and the oldest reports beyond kCrashReportsMax.
Status tidy_crash_reports(io::FileSystem& files, const std::string& data_dir);

// `statord plugin crashes|retry`: all reports, one a line; removes those of `engine`, or of all if
// it is empty, so that the next start tries again what was kept away. Also beside a running server.
struct CrashCommand {
  std::string data_dir;
  std::string engine;
  bool forgets = false;
};
Result<int> run_crash_command(const CrashCommand& command, std::ostream& out);

// Why this library is not to be loaded again: it crashed twice before its engine was open. Empty:
// it may.
std::string why_left_out(const plugin::LibraryFile& library,
                         const std::vector<CrashReport>& reports);

}  // namespace stator::server
