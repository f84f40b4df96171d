// What one run of the client does with its connection: says who it is, learns the op table, sends
// requests and shows the answers.
#pragma once

#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "answer.h"
#include "catalog.h"
#include "connection.h"
#include "failure.h"

namespace stator::client {

struct Credentials {
  std::string user;
  std::string password = {};
  std::string api_key = {};
  std::string token = {};          // of another issuer, a JWT
  bool shows_certificate = false;  // in the TLS handshake
};

struct Output {
  std::ostream& out;  // answers
  std::ostream& err;  // refusals, one sentence each
  bool as_table = false;
  bool whole_frame = false;
};

class Session {
 public:
  Session(Connection& connection, const Output& output)
      : connection_(connection), output_(output) {}

  // Sends an auth frame if there is anything to say. Throws Failure (refused).
  void authenticate(const Credentials& credentials);
  // The whole op table, asked for once. Throws Failure.
  const Catalog& catalog();
  // One op, asked for alone where the whole table is not known yet. Throws Failure.
  OpInfo find_op(const std::string& name);

  // A request as a JSON object; shows the answer.
  ExitCode run_json(std::string_view object);
  // An op's name and its words.
  ExitCode run_words(std::span<const std::string> words);
  // A typed line: JSON, an op with its words, `ops` or `help OP`. Nothing for an empty line.
  ExitCode run_line(std::string_view line);
  ExitCode show_ops();
  // Of one op, or of the client's own verbs where `words` is empty.
  ExitCode show_help(std::span<const std::string> words);

 private:
  std::string describe(std::string_view op_name);
  ExitCode run(std::string_view request);
  void show(const Answer& answer, std::string_view frame);

  Connection& connection_;
  Output output_;
  std::optional<Catalog> catalog_;
};

}  // namespace stator::client
