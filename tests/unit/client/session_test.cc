// The client against a server in a thread: frames, identity, one-shots, loading.
#include "session.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include <Poco/Net/ServerSocket.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_server.h"
#include "json_value.h"
#include "op_table.h"
#include "options.h"
#include "send_lines.h"

namespace stator::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string ok(std::uint64_t id, const std::string& payload) {
  return "{\"request_id\":" + std::to_string(id) + ",\"status\":\"ok\",\"payload\":" + payload +
         ",\"watermark_lsn\":1,\"error_code\":null}";
}
std::string refused(std::uint64_t id, const std::string& code) {
  return "{\"request_id\":" + std::to_string(id) +
         ",\"status\":\"error\",\"payload\":null,\"error_code\":\"" + code +
         "\",\"error\":\"because\",\"retryable\":false}";
}

// Describes the op table, greets known users and answers everything else with its op.
std::vector<std::string> answer(std::uint64_t id, const std::string& request) {
  JsonValue json;
  if (!parse_json(request, json)) return {refused(id, "bad_request")};
  const std::string& op = json["op"].text;
  if (op == "describe") return {ok(id, kOpTable)};
  if (op == "auth") {
    return {json["password"].text == "right" || json["token"].text == "right"
                ? ok(id, "null")
                : refused(id, "unauthenticated")};
  }
  if (op == "thing_get" && json["thing_id"].text == "none") return {refused(id, "not_found")};
  if (op == "chunks") {
    return {R"({"request_id":1,"status":"partial","payload":[1]})",
            R"({"request_id":1,"status":"partial","payload":[2]})", ok(id, "[3]")};
  }
  return {ok(id, "{\"op\": \"" + op + "\"}")};
}

class SessionTest : public ::testing::Test {
 protected:
  Session session(Connection& connection) { return {connection, {out_, err_, false, false}}; }
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(SessionTest, RunsAOneShotByTheServersOpTable) {
  FakeServer server(answer);
  Connection connection(server.address());
  const std::vector<std::string> words = {"thing_get", "users", "u1"};
  EXPECT_EQ(session(connection).run_words(words), kExitOk);
  EXPECT_EQ(out_.str(), "{\"op\":\"thing_get\"}\n");
  EXPECT_THAT(
      server.requests(),
      ElementsAre(
          R"({"op":"describe","name":"thing_get","payload_format":"json"})",
          R"({"op":"thing_get","collection":"users","thing_id":"u1","payload_format":"json"})"));
}

TEST_F(SessionTest, ShowsThePartsOfAStreamALineEachAlsoOnATerminal) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session on_terminal(connection, {out_, err_, true, false});
  EXPECT_EQ(on_terminal.run_json(R"({"op":"chunks"})"), kExitOk);
  EXPECT_THAT(out_.str(), ::testing::StartsWith("[1]\n[2]\n"));
}

TEST_F(SessionTest, SaysARefusalOnStderrAndInTheExitCode) {
  FakeServer server(answer);
  Connection connection(server.address());
  EXPECT_EQ(session(connection).run_line("thing_get users none"), kExitRefused);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), "stator: not_found: because\n");
}

TEST_F(SessionTest, SendsJsonAsItIs) {
  FakeServer server(answer);
  Connection connection(server.address());
  EXPECT_EQ(session(connection).run_line(R"( {"op":"anything","x":[1]} )"), kExitOk);
  EXPECT_EQ(out_.str(), "{\"op\":\"anything\"}\n");
  EXPECT_THAT(server.requests(),
              ElementsAre(R"( {"op":"anything","x":[1],"payload_format":"json"})"));
}

TEST_F(SessionTest, PrintsWholeFramesOnRequest) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session session(connection, {out_, err_, false, true});
  EXPECT_EQ(session.run_json(R"({"op":"x"})"), kExitOk);
  EXPECT_EQ(out_.str(),
            "{\"request_id\":1,\"status\":\"ok\",\"payload\":{\"op\":\"x\"},"
            "\"watermark_lsn\":1,\"error_code\":null}\n");
}

TEST_F(SessionTest, ShowsEveryChunkOfAStreamedAnswer) {
  FakeServer server(answer);
  Connection connection(server.address());
  EXPECT_EQ(session(connection).run_json(R"({"op":"chunks"})"), kExitOk);
  EXPECT_EQ(out_.str(), "[1]\n[2]\n[3]\n");
}

TEST_F(SessionTest, ShowsTablesOnATerminal) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session session(connection, {out_, err_, true, false});
  EXPECT_EQ(session.run_json(R"({"op":"x"})"), kExitOk);
  EXPECT_EQ(out_.str(), "op  x\n");
}

TEST_F(SessionTest, AuthenticatesFirst) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session by_password = session(connection);
  by_password.authenticate({.user = "anna", .password = "right", .api_key = ""});
  by_password.authenticate({.user = "", .password = "", .api_key = "right"});
  by_password.authenticate({.user = "", .token = "right"});
  by_password.authenticate({});
  EXPECT_THAT(
      server.requests(),
      ElementsAre(R"({"op":"auth","method":"password","username":"anna","password":"right"})",
                  R"({"op":"auth","method":"api_key","token":"right"})",
                  R"({"op":"auth","method":"jwt","token":"right"})"));
}

TEST_F(SessionTest, AUserWithACertificateAndNoPasswordIsTheCertificates) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session anna = session(connection);
  EXPECT_THROW(anna.authenticate({.user = "anna", .shows_certificate = true}), Failure);
  EXPECT_THAT(server.requests(),
              ElementsAre(R"({"op":"auth","method":"certificate","username":"anna"})"));
}

TEST_F(SessionTest, EndsWithTheServersWordWhenTheIdentityIsRefused) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session anna = session(connection);
  try {
    anna.authenticate({.user = "anna", .password = "wrong", .api_key = ""});
    FAIL() << "accepted";
  } catch (const Failure& fault) {
    EXPECT_EQ(fault.exit_code(), kExitRefused);
    EXPECT_STREQ(fault.what(), "unauthenticated: because");
  }
}

TEST_F(SessionTest, NamesTheNearestOp) {
  FakeServer server(answer);
  Connection connection(server.address());
  Session known = session(connection);
  try {
    known.run_line("thing_gte users u1");
    FAIL() << "accepted";
  } catch (const Failure& fault) {
    EXPECT_EQ(fault.exit_code(), kExitRefused);
    EXPECT_STREQ(fault.what(), "unknown op: thing_gte; did you mean 'thing_get'?");
  }
}

TEST(ConnectionTest, CarriesFramesOfAnySize) {
  FakeServer server([](std::uint64_t id, const std::string& body) {
    return std::vector<std::string>{ok(id, "\"" + std::string(body.size(), 'x') + "\"")};
  });
  Connection connection(server.address());
  for (const std::size_t size : {std::size_t{1}, std::size_t{65'537}, std::size_t{3'000'000}}) {
    connection.queue(std::string(size, 'y'));
    EXPECT_GT(connection.receive().size(), size);
  }
  EXPECT_THROW(connection.queue(std::string(16u * 1024 * 1024 + 1, 'y')), Failure);
}

TEST(ConnectionTest, DoesNotLockUpWhenBothSidesHaveMuchToSay) {
  // The server reads the next request only when its large answer is taken.
  FakeServer server([](std::uint64_t id, const std::string&) {
    return std::vector<std::string>{ok(id, "\"" + std::string(1'000'000, 'x') + "\"")};
  });
  Connection connection(server.address());
  for (int i = 0; i < 20; ++i) connection.queue(std::string(1'000'000, 'y'));
  connection.flush();
  for (int i = 0; i < 20; ++i) EXPECT_GT(connection.receive().size(), 1'000'000u);
}

std::string failure_of(const std::function<void()>& work, ExitCode code) {
  try {
    work();
  } catch (const Failure& fault) {
    EXPECT_EQ(fault.exit_code(), code);
    return fault.what();
  }
  return "no failure";
}

TEST(ConnectionTest, SaysWhyItFailed) {
  const std::string nobody = [] {
    const Poco::Net::ServerSocket taken(Poco::Net::SocketAddress("127.0.0.1", 0));
    return taken.address().toString();
  }();
  EXPECT_THAT(failure_of([&] { Connection c(nobody); }, kExitConnection),
              HasSubstr("cannot connect to " + nobody));
  EXPECT_THAT(failure_of([] { Connection c("127.0.0.1:port"); }, kExitUsage),
              HasSubstr("HOST:PORT"));

  FakeServer closing(
      [](std::uint64_t, const std::string&) { return std::vector<std::string>{"close"}; });
  Connection closed(closing.address());
  closed.queue("{}");
  EXPECT_THAT(failure_of([&] { closed.receive(); }, kExitConnection), HasSubstr("closed it"));

  FakeServer foreign([](std::uint64_t, const std::string&) {
    return std::vector<std::string>{"!HTTP/1.1 400 Bad Request\r\n\r\n"};
  });
  Connection lost(foreign.address());
  lost.queue("{}");
  EXPECT_THAT(failure_of([&] { lost.receive(); }, kExitConnection),
              HasSubstr("is it a stator server?"));
}

SendSummary send(const FakeServer& server, const std::string& text, std::string& err) {
  Connection connection(server.address());
  std::istringstream file(text);
  std::ostringstream faults;
  const SendSummary summary = send_lines(connection, file, {.name = "f.jsonl", .err = faults});
  err = faults.str();
  return summary;
}

TEST(SendTest, SendsEveryLineAndCounts) {
  FakeServer server(answer);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += R"({"op":"thing_get","thing_id":")" + std::to_string(i) + "\"}\n";
    if (i % 100 == 0) text += "\n";
  }
  std::string err;
  const SendSummary summary = send(server, text, err);
  EXPECT_EQ(summary.lines, 1000u);
  EXPECT_EQ(summary.ok, 1000u);
  EXPECT_EQ(summary.failed, 0u);
  EXPECT_EQ(err, "");
  EXPECT_THAT(server.requests(), SizeIs(1000));
  EXPECT_THAT(summary.json(),
              ::testing::StartsWith(R"({"lines":1000,"ok":1000,"failed":0,"seconds":)"));
}

TEST(SendTest, NamesTheLinesThatFailed) {
  FakeServer server(answer);
  std::string text = "not json\n{\"op\":\"x\"}\n\n{\"op\":\"thing_get\",\"thing_id\":\"none\"}";
  std::string err;
  const SendSummary summary = send(server, text, err);
  EXPECT_EQ(summary.lines, 3u);
  EXPECT_EQ(summary.ok, 1u);
  EXPECT_EQ(summary.failed, 2u);
  EXPECT_THAT(err, HasSubstr("f.jsonl:1: not a JSON object"));
  EXPECT_THAT(err, HasSubstr("f.jsonl:4: not_found: because\n"));
}

TEST(SendTest, ShowsOnlyTheFirstFaults) {
  FakeServer server(answer);
  std::string text;
  for (int i = 0; i < 20; ++i) text += "x\n";
  std::string err;
  EXPECT_EQ(send(server, text, err).failed, 20u);
  EXPECT_THAT(err, HasSubstr("f.jsonl:5: "));
  EXPECT_THAT(err, ::testing::Not(HasSubstr("f.jsonl:6: ")));
  EXPECT_THAT(err, HasSubstr("15 more failed"));
}

TEST(SendTest, MatchesAnswersThatOvertake) {
  // Answers come in pairs, the second one first.
  FakeServer server([](std::uint64_t id, const std::string&) -> std::vector<std::string> {
    if (id % 2 == 1) return {};
    return {refused(id, "not_found"), ok(id - 1, "null")};
  });
  std::string err;
  const SendSummary summary = send(server, "{}\n{}\n{}\n{}\n", err);
  EXPECT_EQ(summary.ok, 2u);
  EXPECT_EQ(summary.failed, 2u);
  EXPECT_THAT(err, HasSubstr("f.jsonl:2: not_found"));
  EXPECT_THAT(err, HasSubstr("f.jsonl:4: not_found"));
}

TEST(SendTest, CountsWhatWasInFlightAsFailedWhenTheConnectionBreaks) {
  FakeServer server([](std::uint64_t id, const std::string&) {
    return std::vector<std::string>{id == 3 ? "close" : ok(id, "null")};
  });
  std::string err;
  const SendSummary summary = send(server, "{}\n{}\n{}\n{}\n", err);
  EXPECT_EQ(summary.ok, 2u);
  EXPECT_EQ(summary.failed, 2u);
  EXPECT_NE(summary.broken, "");
}

Options options_of(std::vector<const char*> words) {
  words.insert(words.begin(), "stator");
  return read_options(static_cast<int>(words.size()), words.data());
}

TEST(OptionsTest, LeavesWhatFollowsTheOperationAlone) {
  const Options options =
      options_of({"--host", "h:1", "--user=anna", "thing_get", "c", "--host", "x", "--", "-5"});
  EXPECT_EQ(options.host, "h:1");
  EXPECT_EQ(options.credentials.user, "anna");
  EXPECT_THAT(options.words, ElementsAre("thing_get", "c", "--host", "x", "--", "-5"));
}

TEST(OptionsTest, TakesJsonThatLooksLikeAnything) {
  const Options options = options_of({"--frame", "--json", R"({"op":"x","y":[1,2]})"});
  EXPECT_EQ(options.json, R"({"op":"x","y":[1,2]})");
  EXPECT_TRUE(options.whole_frame);
}

TEST(OptionsTest, RefusesUnknownOptions) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"--hots", "x"}, {"--host"}, {"--json", "{}", "thing_get"}}) {
    EXPECT_THAT(failure_of([&] { options_of(words); }, kExitUsage), ::testing::Ne("no failure"));
  }
}

class SecretFileTest : public ::testing::Test {
 protected:
  void SetUp() override { write("right\n"); }
  void TearDown() override {
    unsetenv("STATOR_PASSWORD_FILE");
    std::filesystem::remove(path_);
  }
  void write(const std::string& text) const {
    std::ofstream(path_) << text;
    setenv("STATOR_PASSWORD_FILE", path_.c_str(), 1);
  }
  const std::string path_ =
      (std::filesystem::temp_directory_path() / ("secret." + std::to_string(getpid()))).string();
};

TEST_F(SecretFileTest, IsReadWhereTheSecretIsNotGiven) {
  EXPECT_EQ(options_of({"--user", "anna", "x"}).credentials.password, "right");
  EXPECT_EQ(options_of({"--password", "given", "x"}).credentials.password, "given");
}

TEST_F(SecretFileTest, ThatHoldsNoneIsAMistake) {
  write("");
  EXPECT_THAT(failure_of([&] { options_of({"x"}); }, kExitUsage), HasSubstr("is empty"));
  std::filesystem::remove(path_);
  EXPECT_THAT(failure_of([&] { options_of({"x"}); }, kExitUsage), HasSubstr("cannot read"));
}

TEST(OptionsTest, PrintsHelpAndVersion) {
  EXPECT_THAT(options_of({"--help"}).text, HasSubstr("Exit codes"));
  EXPECT_THAT(options_of({"--version"}).text, ::testing::StartsWith("stator "));
}

}  // namespace
}  // namespace stator::client
