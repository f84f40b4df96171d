// stator-plugin-check LIBRARY [--seed N] [--only CHECK] [--before LIBRARY] [--junit FILE]
//                     [--conformance FILE] [--in-process]
//
// Runs an engine on the fake kernel and looks for what an author's own tests do not ask: whether it
// keeps the contract. Each check is a process of its own; --in-process (with --only) is for a
// debugger. --before: an older version of the engine, whose data this one must read. Prints a line
// per check; exit code 0: all passed, 1: one failed, 2: the command line or the library is at
// fault.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "stator/json_writer.hpp"

#include "checks.h"
#include "trial.h"

namespace stator::check {
namespace {

struct Check {
  const char* name;
  void (*run)();
};
constexpr std::array kChecks = {Check{"descriptor", check_descriptor},
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
    _exit(run_here(check));
  }
  close(pipe_ends[1]);
  std::string said;
  std::array<char, 4096> part{};
  for (ssize_t got; (got = read(pipe_ends[0], part.data(), part.size())) > 0;)
    said.append(part.data(), static_cast<std::size_t>(got));
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  while (said.ends_with('\n')) said.pop_back();
  if (WIFSIGNALED(status))
    said +=
        std::string(said.empty() ? "" : "; ") + "ended by signal: " + strsignal(WTERMSIG(status));
  return said.empty() ? "ended with exit code " + std::to_string(WEXITSTATUS(status)) : said;
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

void write_junit(const std::string& file, const std::vector<Outcome>& outcomes,
                 std::size_t failures) {
  std::ofstream out(file);
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
}

// What was checked, of which engine, with what; for whoever decides whether to install it.
void write_conformance(const std::string& file, const std::vector<Outcome>& outcomes,
                       std::size_t failures) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object();
  // Whoever breaks the descriptor is not asked who it is.
  if (outcomes.front().check == kChecks.front().name && outcomes.front().said.empty()) {
    rows();
    const stator_engine_v1& engine = *original_engine();
    json.field("engine", std::string_view(engine.id))
        .field("version", std::string_view(engine.version));
  }
  json.key("abi")
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
  std::ofstream(file) << out.view() << "\n";
}

bool is_asked_for(const Check& check, const Options& options) {
  if (!options.only.empty()) return options.only == check.name;
  return check.run != check_upgrade || !options.before.empty();
}

int run_all(const Options& options) {
  std::vector<Outcome> outcomes;
  for (const Check& check : kChecks) {
    if (!is_asked_for(check, options)) continue;
    if (options.is_in_process) return run_here(check);
    outcomes.push_back({check.name, run_apart(check)});
    const std::string& said = outcomes.back().said;
    std::printf("%s %s%s%s\n", said.empty() ? "ok    " : "FAILED", check.name,
                said.empty() ? "" : ": ", said.c_str());
  }
  if (outcomes.empty()) return usage();
  const auto passed = static_cast<std::size_t>(std::count_if(
      outcomes.begin(), outcomes.end(), [](const Outcome& one) { return one.said.empty(); }));
  const std::size_t failures = outcomes.size() - passed;
  if (!options.junit.empty()) write_junit(options.junit, outcomes, failures);
  if (!options.conformance.empty()) write_conformance(options.conformance, outcomes, failures);
  std::printf("%zu of %zu checks passed, seed %llu\n", passed, outcomes.size(),
              static_cast<unsigned long long>(seed));
  return failures == 0 ? 0 : 1;
}

// False: the words are not in order.
bool read_words(int argc, char** argv, Options& options) {
  const struct {
    const char* name;
    std::string* value;
  } kValues[] = {{"--only", &options.only},
                 {"--before", &options.before},
                 {"--junit", &options.junit},
                 {"--conformance", &options.conformance}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto* value = std::find_if(std::begin(kValues), std::end(kValues),
                                     [&](const auto& one) { return word == one.name; });
    if (value != std::end(kValues)) {
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
    load_engine(options.engine_file);
    if (!options.before.empty()) load_engine_before(options.before);
    return run_all(options);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "stator-plugin-check: %s\n", fault.what());
    return 2;
  }
}
