#include "support/conversation.h"

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::ordered_json;

// Whether `actual` is as `expected` says; where it is not, the path.
bool matches(const Json& expected, const Json& actual, std::string& path) {
  if (expected.is_string() && expected.get<std::string>() == "_") return true;
  if (expected.is_object()) {
    if (!actual.is_object()) return false;
    for (const auto& [key, value] : expected.items()) {
      const std::string before = path;
      path += "." + key;
      if (!actual.contains(key) || !matches(value, actual[key], path)) return false;
      path = before;
    }
    return true;
  }
  if (expected.is_array()) {
    if (!actual.is_array() || expected.size() != actual.size()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::string before = path;
      path += "[" + std::to_string(i) + "]";
      if (!matches(expected[i], actual[i], path)) return false;
      path = before;
    }
    return true;
  }
  return expected == actual;
}

std::string unhex(const std::string& text) {
  std::string out;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits.push_back(c);
    if (digits.size() < 2) continue;
    out.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return out;
}

class Runner {
 public:
  Runner(const std::string& path, const ConversationOptions& options) : path_(path), options_(options) {}

  std::string run() {
    std::ifstream file(path_);
    if (!file) return path_ + ": cannot be read";
    std::string line;
    while (fault_.empty() && std::getline(file, line)) {
      ++line_;
      if (line.size() < 2 || line[0] == '#') continue;
      const std::string rest = line.substr(2);
      if (line[0] == '>') {
        send(rest);
      } else if (line[0] == '+') {
        together_ += frame_of(body_of(rest));
        ++open_;
      } else if (line[0] == '<') {
        expect(rest);
      } else if (line[0] == '!') {
        command(rest);
      } else {
        fail("a line begins with '>', '+', '<', '!' or '#'");
      }
    }
    if (fault_.empty() && server_ != nullptr && server_->is_running() && server_->stop() != 0) {
      fail("the server stopped with exit code " + std::to_string(server_->exit_code()));
    }
    if (!fault_.empty() && server_ != nullptr) fault_ += "\nserver said:\n" + server_->errors();
    return fault_;
  }

 private:
  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = path_ + ":" + std::to_string(line_) + ": " + what;
  }

  Client& client() {
    if (server_ == nullptr) {
      ServerProcess::Options options;
      options.data_dir = directory_.path();
      options.lanes = options_.lanes;
      options.config = config_;
      if (options_.is_websocket) options.arguments = {"--http-listen", "127.0.0.1:0"};
      if (options_.is_tls) options.arguments = {"--tls", "--tls-listen", "127.0.0.1:0"};
      if (options_.is_encrypted) options.config += encryption_config(directory_.path());
      server_ = std::make_unique<ServerProcess>(options);
      start();
    }
    auto& client = clients_[name_];
    if (client == nullptr) client = connect();
    return *client;
  }

  std::unique_ptr<Client> connect() {
    if (options_.is_websocket) return Client::over_websocket(server_->http_port());
    if (!options_.is_tls) return std::make_unique<Client>(server_->port());
    return std::make_unique<Client>(
        server_->tls_port(), ClientTls{.ca = directory_.path() + "/data/tls/certificate.pem"});
  }

  void start() {
    if (!server_->start()) {
      throw std::runtime_error("the server does not start: " + server_->errors());
    }
  }

  void restart(bool is_kill) {
    clients_.clear();
    if (is_kill) {
      server_->kill();
    } else if (server_->stop() != 0) {
      return fail("the server stopped with exit code " + std::to_string(server_->exit_code()));
    }
    start();
  }

  static std::string body_of(const std::string& text) {
    const bool is_object = text.size() > 2 && text[0] == '{' && text[1] == '"';
    if (!is_object || text.find("payload_format") != std::string::npos) return text;
    return text.substr(0, text.rfind('}')) + R"(,"payload_format":"json"})";
  }

  static std::string frame_of(const std::string& body) {
    std::string frame;
    for (const int shift : {24, 16, 8, 0}) frame.push_back(static_cast<char>(body.size() >> shift));
    return frame + body;
  }

  void send(const std::string& text) {
    const std::string body = body_of(text);
    try {
      if (together_.empty()) {
        client().send(body);
      } else {
        client().send_raw(std::exchange(together_, "") + frame_of(body));
      }
      ++open_;
    } catch (const std::exception& fault) {
      fail(fault.what());
    }
  }

  void expect(const std::string& text) {
    const Json expected = Json::parse(text, nullptr, false);
    if (expected.is_discarded()) return fail("the expectation is not JSON");
    std::optional<std::string> answer;
    try {
      answer = client().receive();
    } catch (const std::exception& fault) {
      return fail(fault.what());
    }
    if (!answer) return fail("the server closed the connection instead of answering");
    const Json actual = Json::parse(*answer, nullptr, false);
    if (actual.is_discarded()) return fail("the answer is not valid JSON: " + *answer);
    std::string where;
    if (!matches(expected, actual, where)) {
      return fail("differs at '" + where + "'\n  expected " + text + "\n  got      " + *answer);
    }
    if (--open_ == 0 && options_.restart_after_every_frame && may_restart_) restart(line_ % 2 == 0);
  }

  void configure(std::string line) {
    const std::string mark = "$DIR";
    if (const std::size_t at = line.find(mark); at != std::string::npos) {
      line.replace(at, mark.size(), directory_.path());
    }
    config_ += line + "\n";
  }

  void command(const std::string& text) {
    const std::string word = text.substr(0, text.find(' '));
    const std::string rest = word.size() == text.size() ? "" : text.substr(word.size() + 1);
    try {
      if (word == "restart") return restart(false);
      if (word == "kill") return restart(true);
      if (word == "connection") return void(name_ = rest);
      if (word == "config") return configure(rest);
      if (word == "raw") return client().send_raw(unhex(rest));
      if (word == "no_restart") return void(may_restart_ = false);
      if (word == "lanes") {
        static_cast<void>(client());
        server_->set_lanes(static_cast<std::uint32_t>(std::stoul(rest)));
        return restart(false);
      }
      if (word == "closed") {
        if (client().receive()) fail("the connection is still open");
        clients_.erase(name_);
        open_ = 0;
        return;
      }
    } catch (const std::exception& fault) {
      return fail(fault.what());
    }
    fail("unknown command '" + word + "'");
  }

  std::string path_;
  ConversationOptions options_;
  TempDir directory_;
  std::string config_;
  std::unique_ptr<ServerProcess> server_;
  std::map<std::string, std::unique_ptr<Client>> clients_;
  std::string name_ = "a";
  bool may_restart_ = true;
  std::string together_;  // frames that go with the next one
  int open_ = 0;  // frames sent and not answered
  int line_ = 0;
  std::string fault_;
};

}  // namespace

std::string run_conversation(const std::string& path, const ConversationOptions& options) {
  return Runner(path, options).run();
}

}  // namespace stator::test
