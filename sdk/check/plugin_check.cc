// stator-plugin-check LIBRARY [--seed N] [--only CHECK] [--before LIBRARY] [--junit FILE]
//                     [--conformance FILE] [--in-process]
//
// Looks at an engine's library as a server does, then runs the engine on the fake kernel and looks
// for what an author's own tests do not ask: whether it keeps the contract. Each check is a process
// of its own; --in-process (with --only) is for a debugger. --before: an older version of the
// engine, whose data this one must read. --conformance: which bytes passed, for `statord plugin
// lock`. Prints a line per check; exit code 0: all passed, 1: one failed, 2: the command line or a
// file is at fault.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "stator/json_writer.hpp"

#include "checks.h"
#include "library/library_rules.h"
#include "sha256.h"
#include "trial.h"

namespace stator::check {
namespace {

struct Check {
  const char* name;
  void (*run)();
};
constexpr std::array kChecks = {Check{"library", check_library},
                                Check{"descriptor", check_descriptor},
                                Check{"examples", check_examples},
                                Check{"lifecycle", check_lifecycle},
                                Check{"requests", check_requests},
                                Check{"refusals", check_refusals},
                                Check{"replay", check_replay},
                                Check{"crashes", check_crashes},
                                Check{"restart", check_restart},
                                Check{"purity", check_purity},
                                Check{"work", check_work},
                                Check{"tenants", check_tenants},
                                Check{"collections", check_collections},
                                Check{"rows", check_rows},
                                Check{"deadlines", check_deadlines},
                                Check{"cost", check_cost},
                                Check{"memory", check_memory},
                                Check{"upgrade", check_upgrade}};
// Of these checks as a whole, "upgrade" aside: one more when any of them asks more than it did.
// What a server may want to have passed (plugins_min_conformance).
constexpr std::uint64_t kLevel = 1;
// With a sanitizer "memory" looks at nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLooksAtAll = false;
#else
constexpr bool kLooksAtAll = true;
#endif
// What a check says when it has come to its end, so that an engine that ends the process is no
// success.
constexpr std::string_view kEnd = "\nthe end of the check\n";

// ---- processes and reports ---------------------------------------------------------------------
int run_here(const Check& check) {
  try {
    check.run();
  } catch (const std::exception& fault) {
    broken(fault.what());
  }
  return 0;
}

// In a process of its own; what it said, empty if it passed.
std::string run_apart(const Check& check) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[0]);
    run_here(check);
    _exit(write(pipe_ends[1], kEnd.data(), kEnd.size()) == static_cast<ssize_t>(kEnd.size()) ? 0
                                                                                             : 1);
  }
  close(pipe_ends[1]);
  std::string said;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(pipe_ends[0], part.data(), part.size())) > 0;)
    said.append(part.data(), static_cast<std::size_t>(got));
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (said.ends_with(kEnd) && WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  while (said.ends_with('\n')) said.pop_back();
  if (WIFSIGNALED(status))
    said +=
        std::string(said.empty() ? "" : "; ") + "ended by signal: " + strsignal(WTERMSIG(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) != kExitBroken) {
    said += std::string(said.empty() ? "" : "; ") +
            "the engine ended the process, with exit code " + std::to_string(WEXITSTATUS(status));
  }
  return said;
}

void xml_escape(const std::string& text, std::string& to) {
  for (const char c : text) {
    if (c == '<' || c == '&' || c == '"') {
      to += c == '<' ? "&lt;" : c == '&' ? "&amp;" : "&quot;";
    } else {
      to += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? '?' : c;
    }
  }
}

struct Options {
  std::string engine_file;
  std::string before;
  std::string only;
  std::string junit;
  std::string conformance;
  bool is_in_process = false;
};

bool read_seed(std::string_view text) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seed);
  return fault == std::errc() && end == text.data() + text.size();
}

int usage() {
  std::fprintf(stderr,
               "usage: stator-plugin-check LIBRARY [--seed N] [--only CHECK] [--before LIBRARY]\n"
               "         [--junit FILE] [--conformance FILE] [--in-process]\n");
  return 2;
}

struct Outcome {
  std::string check;
  std::string said;  // empty: passed
};

// A report that nobody can read is none: the check fails with it.
void write_file(const std::string& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file);
}

void write_junit(const std::string& file, const std::vector<Outcome>& outcomes,
                 std::size_t failures) {
  std::ostringstream out;
  out << "<testsuite name=\"stator-plugin-check\" tests=\"" << outcomes.size() << "\" failures=\""
      << failures << "\">\n";
  for (const Outcome& one : outcomes) {
    out << "<testcase classname=\"stator-plugin-check\" name=\"" << one.check << "\">";
    std::string said;
    xml_escape(one.said, said);
    if (!said.empty()) out << "<failure message=\"" << said << "\"/>";
    out << "</testcase>\n";
  }
  out << "</testsuite>\n";
  write_file(file, out.str());
}

// What was checked, of which bytes, with what; for whoever decides whether to install it.
void write_conformance(const Options& options, const std::vector<Outcome>& outcomes,
                       std::size_t failures) {
  const bool is_all = options.only.empty() && kLooksAtAll;
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("level", is_all && failures == 0 ? kLevel : 0);
  const std::string& bytes = library_bytes();
  library::ElfImage image;
  library::Manifest manifest;
  if (library::check_library(bytes, image, manifest).empty()) {
    json.field("engine", std::string_view(manifest.id))
        .field("version", std::string_view(manifest.version));
  }
  json.field("sha256", std::string_view(sha256_hex(bytes)))
      .key("abi")
      .begin_object()
      .field("major", std::uint64_t{STATOR_ABI_MAJOR})
      .field("minor", std::uint64_t{STATOR_ABI_MINOR})
      .end_object()
      .field("seed", seed)
      .field("passed", failures == 0)
      .key("checks")
      .begin_object();
  for (const Outcome& one : outcomes)
    json.field(one.check, std::string_view(one.said.empty() ? "passed" : "failed"));
  json.end_object().end_object();
  write_file(options.conformance, std::string(out.view()) + "\n");
}

bool is_asked_for(const Check& check, const Options& options) {
  if (!options.only.empty()) return options.only == check.name;
  return check.run != check_upgrade || !options.before.empty();
}

// Those that are asked for, one after the other, up to a library that no server would load.
std::vector<Outcome> run_each(const Options& options) {
  std::vector<Outcome> outcomes;
  for (const Check& check : kChecks) {
    if (!is_asked_for(check, options)) continue;
    const bool is_library = check.run == check_library;
    if (!is_library && original_entry() == nullptr) {
      load_engine();
      if (!options.before.empty()) load_engine_before(options.before);
    }
    outcomes.push_back({check.name, options.is_in_process ? "" : run_apart(check)});
    if (options.is_in_process) run_here(check);
    const std::string& said = outcomes.back().said;
    std::printf("%s %s%s%s\n", said.empty() ? "ok    " : "FAILED", check.name,
                said.empty() ? "" : ": ", said.c_str());
    if (is_library && !said.empty()) break;
  }
  return outcomes;
}

int run_all(const Options& options) {
  const std::vector<Outcome> outcomes = run_each(options);
  if (outcomes.empty()) return usage();
  const auto passed = static_cast<std::size_t>(std::count_if(
      outcomes.begin(), outcomes.end(), [](const Outcome& one) { return one.said.empty(); }));
  const std::size_t failures = outcomes.size() - passed;
  if (!options.junit.empty()) write_junit(options.junit, outcomes, failures);
  if (!options.conformance.empty()) write_conformance(options, outcomes, failures);
  std::printf("%zu of %zu checks passed, seed %llu\n", passed, outcomes.size(),
              static_cast<unsigned long long>(seed));
  return failures == 0 ? 0 : 1;
}

// False: the words are not in order.
bool read_words(int argc, char** argv, Options& options) {
  const struct {
    const char* name;
    std::string* value;
  } values[] = {{"--only", &options.only},
                 {"--before", &options.before},
                 {"--junit", &options.junit},
                 {"--conformance", &options.conformance}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto* value = std::find_if(std::begin(values), std::end(values),
                                     [&](const auto& one) { return word == one.name; });
    if (value != std::end(values)) {
      if (++i == argc) return false;
      *value->value = argv[i];
    } else if (word == "--seed") {
      if (++i == argc || !read_seed(argv[i])) return false;
    } else if (word == "--in-process") {
      options.is_in_process = true;
    } else if (word.starts_with("--") || !options.engine_file.empty()) {
      return false;
    } else {
      options.engine_file = word;
    }
  }
  const bool is_upgrade = options.only == "upgrade" && options.before.empty();
  return !options.engine_file.empty() && !is_upgrade;
}

}  // namespace
}  // namespace stator::check

int main(int argc, char** argv) {
  using namespace stator::check;
  Options options;
  if (!read_words(argc, argv, options)) return usage();
  try {
    set_library(options.engine_file);
    return run_all(options);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "stator-plugin-check: %s\n", fault.what());
    return 2;
  }
}
