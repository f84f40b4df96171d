#include "session.h"

#include <utility>
#include <vector>

#include "stator/json_writer.hpp"

#include "help.h"
#include "json_value.h"
#include "request.h"
#include "table.h"
#include "words.h"

namespace stator::client {
namespace {

constexpr std::string_view kLineHelp =
    "Type an operation and its words, or a request as a JSON object:\n"
    "  OPERATION COLLECTION ARGUMENT... [--name VALUE]...\n"
    "  {\"op\":\"OPERATION\",...}\n"
    "  ops           lists the operations of the server\n"
    "  help OP       explains one\n"
    "  exit          ends\n";

}  // namespace

void Session::authenticate(const Credentials& credentials) {
  const bool has_password = !credentials.password.empty();
  if (credentials.user.empty() && credentials.api_key.empty() && credentials.token.empty() &&
      !has_password)
    return;
  if (has_password && credentials.user.empty()) {
    throw Failure(kExitUsage, "--password needs --user");
  }
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("op", "auth");
  if (!credentials.api_key.empty()) {
    json.field("method", "api_key").field("token", std::string_view(credentials.api_key));
  } else if (!credentials.token.empty()) {
    json.field("method", "jwt").field("token", std::string_view(credentials.token));
  } else {
    const char* without_password = credentials.shows_certificate ? "certificate" : "trust";
    json.field("method", has_password ? "password" : without_password);
    json.field("username", std::string_view(credentials.user));
    if (has_password) json.field("password", std::string_view(credentials.password));
  }
  json.end_object();
  connection_.queue(out.take());
  const Answer answer = read_answer(connection_.receive());
  if (answer.is_error()) throw Failure(kExitRefused, answer.sentence());
}

std::string Session::describe(std::string_view op_name) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("op", "describe");
  if (!op_name.empty()) json.field("name", op_name);
  json.field("payload_format", "json").end_object();
  connection_.queue(out.take());
  Answer answer = read_answer(connection_.receive());
  if (answer.is_error()) throw Failure(kExitRefused, answer.sentence());
  return std::move(answer.payload);
}

const Catalog& Session::catalog() {
  if (!catalog_) catalog_ = read_catalog(describe(""));
  return *catalog_;
}

OpInfo Session::find_op(const std::string& name) {
  if (!catalog_) {
    const Catalog narrow = read_catalog(describe(name));
    if (const OpInfo* op = narrow.find(name)) return *op;
  } else if (const OpInfo* op = catalog_->find(name)) {
    return *op;
  }
  std::vector<std::string> known;
  for (const OpInfo& op : catalog().ops) known.push_back(op.name);
  const std::string nearest = nearest_name(name, known);
  throw Failure(kExitRefused, "unknown op: " + printable(name) +
                                  (nearest.empty() ? "; 'stator ops' lists what the server can do"
                                                   : "; did you mean '" + nearest + "'?"));
}

void Session::show(const Answer& answer, std::string_view frame) {
  if (output_.whole_frame) output_.out << compact_json(frame) << '\n';
  if (answer.is_error()) {
    output_.err << "stator: " << answer.sentence() << '\n';
  } else if (!output_.whole_frame && output_.as_table && answer.is_last()) {
    output_.out << payload_table(answer.payload);
  } else if (!output_.whole_frame) {
    output_.out << (answer.payload.empty() ? "null" : answer.payload) << '\n';
  }
  output_.out.flush();
}

ExitCode Session::run(std::string_view request) {
  connection_.queue(request);
  auto patience = Connection::Patience::kLimited;
  for (;;) {
    const std::string frame = connection_.receive(patience);
    const Answer answer = read_answer(frame);
    show(answer, frame);
    if (!output_.out) return kExitOk;           // nobody reads any more, as behind `| head`
    patience = Connection::Patience::kForEver;  // what comes now is a stream
    if (answer.is_last()) return answer.is_error() ? kExitRefused : kExitOk;
  }
}

ExitCode Session::run_json(std::string_view object) { return run(with_json_payload(object)); }

ExitCode Session::run_words(std::span<const std::string> words) {
  return run(build_request(find_op(words.front()), words.subspan(1)));
}

ExitCode Session::run_line(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return kExitOk;
  if (line[first] == '{') return run_json(line);
  const std::vector<std::string> words = split_words(line);
  if (words.front() == "ops") return show_ops();
  if (words.front() == "help") return show_help(std::span(words).subspan(1));
  return run_words(words);
}

ExitCode Session::show_ops() {
  output_.out << ops_text(catalog());
  return kExitOk;
}

ExitCode Session::show_help(std::span<const std::string> words) {
  if (words.empty()) {
    output_.out << kLineHelp;
  } else {
    output_.out << help_text(find_op(words.front()));
  }
  return kExitOk;
}

}  // namespace stator::client
