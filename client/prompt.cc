#include "prompt.h"

#include <cstdlib>
#include <cstring>
#include <editline/readline.h>
#include <iostream>
#include <memory>
#include <vector>

#include "failure.h"

namespace stator::client {
namespace {

// libedit's completion takes a function without a context.
std::vector<std::string> completion_names;
std::size_t completion_at = 0;

char* next_completion(const char* typed, int state) {
  if (state == 0) completion_at = 0;
  while (completion_at < completion_names.size()) {
    const std::string& name = completion_names[completion_at++];
    if (name.starts_with(typed)) return strdup(name.c_str());
  }
  return nullptr;
}

// The first word is an op; what follows `help` too. Elsewhere nothing is completed (and no files).
char** complete(const char* typed, int start, int) {
  rl_attempted_completion_over = 1;
  const std::string before(rl_line_buffer, static_cast<std::size_t>(start));
  if (before.find_first_not_of(' ') != std::string::npos && before != "help ") return nullptr;
  return rl_completion_matches(typed, next_completion);
}

void prepare_completion(Session& session) {
  completion_names = {"exit", "help", "ops"};
  for (const OpInfo& op : session.catalog().ops) completion_names.push_back(op.name);
  rl_attempted_completion_function = complete;
}

struct FreeLine {
  void operator()(char* line) const { std::free(line); }
};

}  // namespace

void run_prompt(Session& session, const std::string& address) {
  rl_initialize();
  using_history();
  stifle_history(1000);
  try {
    std::cout << "connected to " << session.catalog().server << " at " << address
              << "; 'help' explains, 'exit' ends\n";
    prepare_completion(session);
  } catch (const Failure& fault) {
    if (fault.exit_code() == kExitConnection) throw;
    std::cerr << "stator: " << fault.what() << '\n';  // not allowed to look; ops still run
  }
  for (;;) {
    const std::unique_ptr<char, FreeLine> line(readline("stator> "));
    if (line == nullptr) break;
    const std::string text(line.get());
    if (text == "exit" || text == "quit") return;
    if (text.find_first_not_of(' ') != std::string::npos) add_history(text.c_str());
    try {
      session.run_line(text);
    } catch (const Failure& fault) {
      if (fault.exit_code() == kExitConnection) throw;
      std::cerr << "stator: " << fault.what() << '\n';
    }
  }
  std::cout << '\n';
}

}  // namespace stator::client
