// stator-plugin-check LIBRARY [--seed N] [--only CHECK] [--junit FILE] [--in-process]
//
// Runs an engine on the fake kernel and looks for what an author's own tests do not ask: whether it
// keeps the contract. Each check is a process of its own; --in-process (with --only) is for a
// debugger. Prints a line per check; exit code 0: all passed, 1: one failed, 2: the command line or
// the library is at fault.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "fake_kernel.h"
#include "request_maker.h"
#include "watched_engine.h"

namespace stator::check {
namespace {

using testkit::Answer;
using testkit::FakeKernel;

constexpr std::size_t kRequests = 400;
constexpr int kRestarts = 50;

std::uint64_t seed = 1;

std::vector<const stator_op*> rows() {
  if (original_engine() == nullptr) FakeKernel{&watched_entry};
  const stator_engine_v1& engine = *original_engine();
  return {engine.ops, engine.ops + engine.op_count};
}

std::string text_of(const Made& made, const Answer& answer) {
  return made.op + " " + made.args_json + " -> status " + std::to_string(answer.status) + " " +
         answer.payload + answer.detail;
}

Answer ask(FakeKernel& kernel, const Made& made, std::uint32_t tenant = 1,
           const char* collection = "one") {
  Answer answer = kernel.call(made.op, made.args_json, collection, tenant);
  if (answer.status == STATOR_E_INTERNAL) broken("answers `internal`: " + text_of(made, answer));
  return answer;
}

bool same(const Answer& a, const Answer& b) {
  return a.status == b.status && a.payload == b.payload && a.is_binary == b.is_binary;
}

// The same requests for every kernel.
std::vector<Made> requests(std::uint64_t part = 0) {
  return RequestMaker(seed * 1000 + part).make(rows(), kRequests);
}

std::string first_difference(const std::map<std::string, std::string>& before,
                             const std::map<std::string, std::string>& after) {
  for (const auto& [key, value] : before) {
    const auto it = after.find(key);
    if (it == after.end()) return key + " is gone";
    if (it->second != value) return key + " has another value";
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) return key + " is new";
  }
  return "";
}

void expect_same_store(const FakeKernel& kernel, const std::map<std::string, std::string>& before,
                       const std::string& after) {
  const std::string difference = first_difference(before, kernel.dump());
  if (!difference.empty()) broken("the store is another one after " + after + ": " + difference);
}

// ---- checks ------------------------------------------------------------------------------------
void check_descriptor() {
  const FakeKernel kernel(&watched_entry);  // checks the rows
  const stator_engine_v1* first = original_engine();
  if (first != engine_again()) broken("a second call of the entry gives another descriptor");
  if (first->struct_size < offsetof(stator_engine_v1, merge))
    broken("the descriptor's struct_size is " + std::to_string(first->struct_size));
  for (const stator_op* op : rows()) {
    const std::string name = op->name;
    if (op->struct_size < offsetof(stator_op, key_space))
      broken(name + ": struct_size is " + std::to_string(op->struct_size));
    for (std::uint32_t i = 0; i < op->arg_count; ++i) {
      if (op->args[i].struct_size != sizeof(stator_arg)) {
        broken(name + ": argument " + std::to_string(i) + " has struct_size " +
               std::to_string(op->args[i].struct_size) + ", the SDK's is " +
               std::to_string(sizeof(stator_arg)));
      }
    }
    if (op->result == nullptr || op->example == nullptr)
      broken(name + ": it has no result or no example");
  }
}

void check_examples() {
  FakeKernel kernel(&watched_entry);
  for (const Made& made : RequestMaker(seed).make(rows(), 0)) {
    const Answer answer = ask(kernel, made);
    if (answer.status == STATOR_E_BAD_REQUEST)
      broken("its example is refused: " + text_of(made, answer));
  }
}

void check_lifecycle() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (int i = 0; i < kRestarts; ++i) kernel.restart();
}

// Requests of every kind; the watch notes exceptions, clocks, random numbers and threads.
void check_requests() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (const Made& made : requests()) ask(kernel, made);
  kernel.run_work();
}

void check_replay() {
  for (const std::uint32_t lanes : {1u, 2u, 4u}) {
    FakeKernel kernel(&watched_entry, {.lanes = lanes});
    for (const Made& made : requests()) ask(kernel, made);
    kernel.restart();  // what apply takes from memory must be there again
    for (const Made& made : requests(1)) ask(kernel, made);
    const auto before = kernel.dump();
    kernel.replay();
    expect_same_store(kernel, before, "a replay of its log on " + std::to_string(lanes) + " lanes");
  }
}

void check_restart() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  std::vector<Made> reads;
  for (const Made& made : requests()) {
    if (made.is_write) {
      ask(kernel, made);
    } else {
      reads.push_back(made);
    }
  }
  std::vector<Answer> before;
  for (const Made& read : reads) before.push_back(ask(kernel, read));
  kernel.restart();
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Answer after = ask(kernel, reads[i]);
    if (!same(before[i], after))
      broken("answers otherwise after a restart: " + text_of(reads[i], after));
  }
}

void check_purity() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (const Made& made : requests()) {
    if (made.is_write) {
      ask(kernel, made);
      continue;
    }
    const auto before = kernel.dump();
    const Answer first = ask(kernel, made);
    if (!same(first, ask(kernel, made)))
      broken("the same read twice answers otherwise: " + text_of(made, first));
    expect_same_store(kernel, before, "a read, " + made.op);
  }
}

// Whoever reads in `tenant` and `collection` sees what an empty server shows.
void expect_apart(std::uint32_t tenant, const char* collection, const char* what) {
  std::vector<Answer>
      nothing;  // asked before anything is written: an engine's globals are in one process
  {
    FakeKernel empty(&watched_entry, {.lanes = 2});
    for (const Made& made : requests())
      nothing.push_back(made.is_write ? Answer() : ask(empty, made, tenant, collection));
  }
  FakeKernel used(&watched_entry, {.lanes = 2});
  const std::vector<Made> all = requests();
  for (const Made& made : all) ask(used, made);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].is_write) continue;
    const Answer seen = ask(used, all[i], tenant, collection);
    if (!same(seen, nothing[i]))
      broken(std::string("shows data of another ") + what + ": " + text_of(all[i], seen));
  }
}

// Work is done in slices of every size, comes to an end, is not forgotten in a restart, and is
// replayed as it was.
void check_work() {
  if (rows().empty() || original_engine()->work == nullptr) return;
  constexpr std::uint64_t kLongMs = 1000ull * 60 * 60 * 24 * 365;
  for (const std::uint32_t lanes : {1u, 2u, 4u}) {
    FakeKernel straight(&watched_entry, {.lanes = lanes});
    FakeKernel restarted(&watched_entry, {.lanes = lanes});
    straight.set_slice(lanes - 1);
    std::size_t asked = 0;
    for (const Made& made : requests()) {
      ask(straight, made);
      ask(restarted, made);
      if (++asked % 50 == 0) straight.run_work();
      if (asked % 50 == 0) restarted.run_work();
    }
    straight.advance(kLongMs);
    straight.run_work();
    restarted.restart();
    restarted.advance(kLongMs);
    restarted.run_work();
    const auto before = straight.dump();
    const auto after = restarted.dump();
    for (const auto& [key, value] : before) {
      if (!after.contains(key)) broken("work is another one after a restart: " + key + " is gone");
    }
    for (const auto& [key, value] : after) {
      if (!before.contains(key)) broken("work is another one after a restart: " + key + " is new");
    }
    straight.replay();
    expect_same_store(straight, before, "a replay of requests and work");
  }
}

void check_tenants() { expect_apart(2, "one", "tenant"); }
void check_collections() { expect_apart(1, "two", "collection"); }

struct Check {
  const char* name;
  void (*run)();
};
constexpr std::array kChecks = {
    Check{"descriptor", check_descriptor},   Check{"examples", check_examples},
    Check{"lifecycle", check_lifecycle},     Check{"requests", check_requests},
    Check{"replay", check_replay},           Check{"restart", check_restart},
    Check{"purity", check_purity},           Check{"tenants", check_tenants},
    Check{"collections", check_collections}, Check{"work", check_work}};

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
  std::string only;
  std::string junit;
  bool is_in_process = false;
};

bool read_seed(std::string_view text) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seed);
  return fault == std::errc() && end == text.data() + text.size();
}

int usage() {
  std::fprintf(stderr,
               "usage: stator-plugin-check LIBRARY [--seed N] [--only CHECK] [--junit FILE] "
               "[--in-process]\n");
  return 2;
}

int run_all(const Options& options) {
  std::string cases;
  int failures = 0;
  int count = 0;
  for (const Check& check : kChecks) {
    if (!options.only.empty() && options.only != check.name) continue;
    ++count;
    if (options.is_in_process) return run_here(check);
    const std::string said = run_apart(check);
    std::printf("%s %s%s%s\n", said.empty() ? "ok    " : "FAILED", check.name,
                said.empty() ? "" : ": ", said.c_str());
    cases +=
        std::string("<testcase classname=\"stator-plugin-check\" name=\"") + check.name + "\">";
    if (!said.empty()) {
      ++failures;
      cases += "<failure message=\"";
      xml_escape(said, cases);
      cases += "\"/>";
    }
    cases += "</testcase>\n";
  }
  if (count == 0) return usage();
  if (!options.junit.empty()) {
    std::ofstream(options.junit) << "<testsuite name=\"stator-plugin-check\" tests=\"" << count
                                 << "\" failures=\"" << failures << "\">\n"
                                 << cases << "</testsuite>\n";
  }
  std::printf("%d of %d checks passed, seed %llu\n", count - failures, count,
              static_cast<unsigned long long>(seed));
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace stator::check

int main(int argc, char** argv) {
  using namespace stator::check;
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_next = i + 1 < argc;
    if (word == "--in-process") {
      options.is_in_process = true;
    } else if (word == "--seed" && has_next) {
      if (!read_seed(argv[++i])) return usage();
    } else if (word == "--only" && has_next) {
      options.only = argv[++i];
    } else if (word == "--junit" && has_next) {
      options.junit = argv[++i];
    } else if (word.starts_with("--") || !options.engine_file.empty()) {
      return usage();
    } else {
      options.engine_file = word;
    }
  }
  if (options.engine_file.empty()) return usage();
  try {
    load_engine(options.engine_file);
    return run_all(options);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "stator-plugin-check: %s\n", fault.what());
    return 2;
  }
}
