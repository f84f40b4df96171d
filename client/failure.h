// Why the client gives up: an exit code and one sentence for people. Thrown anywhere in the client,
// caught in main (and by the prompt, which goes on).
#pragma once

#include <stdexcept>
#include <string>

namespace stator::client {

enum ExitCode : int {
  kExitOk = 0,          // as a Failure: there is nothing to do but to print the sentence
  kExitRefused = 1,     // the server answered an error
  kExitUsage = 2,       // the command line, a typed line or a file is at fault
  kExitConnection = 3,  // no connection, or it broke
};

class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& sentence)
      : std::runtime_error(sentence), exit_code_(code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

}  // namespace stator::client
