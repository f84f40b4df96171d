// The command line of the client.
#pragma once

#include <string>
#include <vector>

#include "session.h"

namespace stator::client {

struct Options {
  std::string host = "127.0.0.1:6433";
  TlsSettings tls;
  Credentials credentials;
  std::string json;  // of --json
  bool has_json = false;
  bool whole_frame = false;
  std::vector<std::string> words;  // the operation or verb and all that follows it

  // Set when there is nothing to do but to print: --help, --version.
  std::string text;
};

// Options of the client stand before the first word. Throws Failure (usage).
Options read_options(int argc, const char* const* argv);

}  // namespace stator::client
