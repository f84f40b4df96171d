// stator: the command-line client. Knows the wire protocol, of the engines' operations the two that
// load and dump documents, and the one that sends a backup; what else it offers comes from the
// server's op table.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <unistd.h>

#include "connection.h"
#include "failure.h"
#include "options.h"
#include "prompt.h"
#include "request.h"
#include "scaffold.h"
#include "send_lines.h"
#include "session.h"
#include "transfer_options.h"

namespace stator::client {
namespace {

// A file of requests, opened before anything is sent.
struct RequestFile {
  std::string path;
  std::ifstream file;
  std::uint64_t bytes = 0;

  explicit RequestFile(const std::vector<std::string>& words) {
    if (words.size() != 2) throw Failure(kExitUsage, "usage: stator send FILE.jsonl");
    path = words[1];
    if (path == "-") return;
    std::error_code unreadable;
    file.open(path);
    if (!file || std::filesystem::is_directory(path, unreadable)) {
      throw Failure(kExitUsage, "cannot read '" + path + "'");
    }
    const auto size = std::filesystem::file_size(path, unreadable);
    if (!unreadable) bytes = size;
  }
  std::istream& stream() { return path == "-" ? std::cin : file; }
};

ExitCode send(Connection& connection, RequestFile& file) {
  const SendOptions options = {.name = file.path,
                               .bytes_total = file.bytes,
                               .err = std::cerr,
                               .has_bar = isatty(STDERR_FILENO) != 0};
  const SendSummary summary = send_lines(connection, file.stream(), options);
  std::cout << summary.json() << std::endl;
  if (!summary.broken.empty()) throw Failure(kExitConnection, summary.broken);
  return summary.failed == 0 ? kExitOk : kExitRefused;
}

ExitCode load(Connection& connection, const LoadOptions& options) {
  LoadSummary summary;
  try {
    load_documents(connection, options, summary);
  } catch (const Failure&) {
    std::cout << summary.json() << std::endl;
    throw;
  }
  std::cout << summary.json() << std::endl;
  return summary.rejected == 0 ? kExitOk : kExitRefused;
}

ExitCode dump(Connection& connection, const DumpOptions& options) {
  const DumpSummary summary = dump_documents(connection, options);
  if (options.path != "-") std::cout << summary.json() << std::endl;
  return kExitOk;
}

// Lines that are piped in. A fault of one does not stop the others; the last fault is the code.
ExitCode run_lines(Session& session) {
  ExitCode code = kExitOk;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      const ExitCode one = session.run_line(line);
      if (one != kExitOk) code = one;
    } catch (const Failure& fault) {
      if (fault.exit_code() == kExitConnection) throw;
      std::cerr << "stator: " << fault.what() << '\n';
      code = fault.exit_code();
    }
  }
  return code;
}

ExitCode run(const Options& options) {
  // What is wrong with the command line itself is said before a connection is tried.
  const std::string verb = options.words.empty() ? "" : options.words.front();
  if (verb == "plugin") {
    std::cout << new_plugin(options.words);
    return kExitOk;
  }
  const std::string request = options.has_json ? with_json_payload(options.json) : "";
  std::optional<RequestFile> file;
  if (verb == "send") file.emplace(options.words);
  std::optional<LoadOptions> to_load;
  if (verb == "load") to_load.emplace(read_load_options(options.words));
  std::optional<DumpOptions> to_dump;
  if (verb == "dump") to_dump.emplace(read_dump_options(options.words));
  std::optional<PullOptions> to_pull;
  if (verb == "pull-backup") to_pull.emplace(read_pull_options(options.words));

  Connection connection(options.host, options.tls);
  const bool on_terminal = isatty(STDOUT_FILENO) != 0;
  Session session(connection, {std::cout, std::cerr, on_terminal, options.whole_frame});
  session.authenticate(options.credentials);
  if (options.has_json) return session.run_json(request);
  if (file) return send(connection, *file);
  if (to_load) return load(connection, *to_load);
  if (to_dump) return dump(connection, *to_dump);
  if (to_pull) {
    std::cout << pull_backup(connection, *to_pull) << std::endl;
    return kExitOk;
  }
  if (verb == "ops") return session.show_ops();
  if (verb == "help") return session.show_help(std::span(options.words).subspan(1));
  if (!verb.empty()) return session.run_words(options.words);
  if (isatty(STDIN_FILENO) == 0) return run_lines(session);
  run_prompt(session, options.host);
  return kExitOk;
}

}  // namespace
}  // namespace stator::client

int main(int argc, char** argv) {
  using stator::client::Failure;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const auto options = stator::client::read_options(argc, argv);
    if (!options.text.empty()) {
      std::cout << options.text;
      return stator::client::kExitOk;
    }
    return stator::client::run(options);
  } catch (const Failure& fault) {
    if (fault.exit_code() == stator::client::kExitOk) {
      std::cout << fault.what();
      return stator::client::kExitOk;
    }
    std::cerr << "stator: " << fault.what() << '\n';
    return fault.exit_code();
  }
}
