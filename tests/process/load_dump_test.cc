// `stator load` and `stator dump`, the programs, against the real server: a round trip, kill -9 of
// either side at any moment, bounded memory, users and TLS.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/client_program.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

int count_of(Client& client, const std::string& collection) {
  const json answer = json::parse(client.ask(json{
      {"op", "document_count"},
      {"collection", collection},
      {"payload_format", "json"}}.dump()));
  return answer["payload"].value("count", 0);
}

// Documents d0000000 and on, as `stator dump` writes them, without the trailer.
std::string rows(int begin, int end) {
  std::string text;
  for (int i = begin; i < end; ++i) {
    const std::string number = std::to_string(i);
    text += "{\"document_id\":\"d" + std::string(7 - number.size(), '0') + number +
            "\",\"data\":{\"n\":" + number + ",\"name\":\"person " + number +
            "\",\"tags\":[\"a\",\"b\"],\"o\":{\"x\":1.5,\"y\":null}}}\n";
  }
  return text;
}

// How far behind what a test waits for a text goes on: many batches.
constexpr int kDocumentsAhead = 40'000;

// A text that comes through a pipe and stops after some bytes until it may go on: whoever reads it
// is alive until then, or until it is killed, however slow this process is.
class Feed {
 public:
  Feed(std::string path, std::string_view text, std::size_t stop) : path_(std::move(path)) {
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
    thread_ = std::thread([this, text, stop] {
      sigset_t set = {};
      sigaddset(&set, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &set, nullptr);
      const int fd = open(path_.c_str(), O_WRONLY | O_CLOEXEC);  // waits for a reader
      is_open_ = true;
      if (write_all(fd, text.substr(0, stop))) {
        may_go_on_.wait(false);
        write_all(fd, text.substr(stop));
      }
      close(fd);
    });
  }
  // Its reader reads on or has ended, perhaps before it opened the pipe.
  ~Feed() {
    while (!is_open_) close(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    go_on();
    thread_.join();
    unlink(path_.c_str());
  }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void go_on() {
    may_go_on_ = true;
    may_go_on_.notify_all();
  }

 private:
  static bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = write(fd, text.data(), text.size());
      if (written < 0) return false;  // nobody reads
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  const std::string path_;
  std::atomic<bool> is_open_ = false;
  std::atomic<bool> may_go_on_ = false;
  std::thread thread_;
};

class LoadDumpTest : public testing::Test {
 protected:
  void start() {
    server_ = std::make_unique<ServerProcess>(ServerProcess::Options{dir_.path() + "/data", 2, ""});
    ASSERT_TRUE(server_->start()) << server_->errors();
  }
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  // The exit code; what was said is in out_ and errors_.
  int run(const std::vector<std::string>& words, const std::string& in = "/dev/null",
          std::uint16_t port = 0) {
    ClientProgram program(dir_.path(), port == 0 ? server_->port() : port, words, in);
    const int code = program.wait();
    out_ = program.out();
    errors_ = program.errors();
    peak_kib_ = program.peak_kib();
    return code;
  }
  // `text` as the file "pipe", which stops some documents behind `target`.
  std::unique_ptr<Feed> feed(std::string_view text, int target) {
    const int stop = target + kDocumentsAhead;
    return std::make_unique<Feed>(path("pipe"), text, text.find(rows(stop, stop + 1)));
  }
  // What a dump writes, without its trailer.
  std::string dumped(const std::string& collection) {
    EXPECT_EQ(run({"dump", collection, path("dumped")}), 0) << errors_;
    const std::string text = content(path("dumped"));
    return text.substr(0, text.rfind('\n', text.size() - 2) + 1);
  }

  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
  std::string out_;
  std::string errors_;
  long peak_kib_ = 0;
};

TEST_F(LoadDumpTest, WhatIsDumpedAndLoadedIsTheSame) {
  start();
  const std::vector<std::string> documents = {
      R"({"a":-0,"b":9223372036854775807,"c":18446744073709551615,"d":1e-300,"e":0.1})",
      R"({"big":1234567890123456789012345678901234567890.5e-3,"deep":[[[[{"x":[]}]]]]})",
      R"({"":"","s":"\u0000\n\"\\\u00e9\ud83d\ude00","t":null,"u":true,"document_id":"x"})", "{}"};
  std::string text;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    text +=
        "{\"document_id\":\"#{" + std::to_string(i) + ",\\n\\\"\",\"data\":" + documents[i] + "}\n";
  }
  ASSERT_EQ(run({"load", "c", "-", "--no-trailer"}, file("in", text)), 0) << errors_;
  EXPECT_EQ(json::parse(out_)["documents"], 4);
  const std::string first = dumped("c");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 4);
  for (const std::string name : {"again.jsonl", "again.csv"}) {
    ASSERT_EQ(run({"dump", "c", path(name)}), 0) << errors_;
    ASSERT_EQ(run({"load", name, path(name)}), 0) << errors_;
    EXPECT_EQ(dumped(name), first) << name;
  }
  // Through pipes, too.
  ASSERT_EQ(run({"dump", "c", "--format", "csv"}), 0) << errors_;
  ASSERT_EQ(run({"load", "p", "-", "--format=csv"}, file("piped", out_)), 0) << errors_;
  EXPECT_EQ(dumped("p"), first);
  ASSERT_EQ(run({"dump", "c", "--filter", R"({"u":true})"}), 0) << errors_;
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 2);
}

TEST_F(LoadDumpTest, AKilledLoaderGoesOnAndLosesAndDoublesNothing) {
  start();
  constexpr int kDocuments = 120'000;
  std::string text = rows(0, kDocuments);
  const std::string expected = text;
  // Lines that cannot be loaded, some in the server's eyes only.
  const auto spoil = [&](const std::string& id, const std::string& line) {
    text.insert(text.find("{\"document_id\":\"" + id), line + "\n");
  };
  spoil("d0110000", "x");
  spoil("d0060000", R"({"document_id":")" + std::string(3000, 'l') + R"(","data":{}})");
  spoil("d0020000", "y");
  const std::vector<std::string> words = {
      "load",     "c",         "-",        "--no-trailer", "--on-error=skip",
      "--reject", path("rej"), "--resume", path("state")};
  Client client(server_->port());
  std::mt19937 random(7);
  std::uniform_int_distribution step(1, 30'000);
  for (int target = 1; target + kDocumentsAhead < kDocuments; target += step(random)) {
    const auto input = feed(text, target);
    ClientProgram program(dir_.path(), server_->port(), words, path("pipe"));
    while (program.is_alive() && count_of(client, "c") < target) {
    }
    program.kill();
    ASSERT_EQ(program.wait(), 128 + SIGKILL) << program.errors();
  }
  EXPECT_EQ(run(words, file("in", text)), 1) << errors_;  // something was rejected
  const json summary = json::parse(out_);
  EXPECT_EQ(summary["documents"], kDocuments);
  EXPECT_EQ(summary["rejected"], 3);
  EXPECT_EQ(dumped("c"), expected);
  std::istringstream rejects(content(path("rej")));
  std::vector<std::uint64_t> lines;
  for (std::string line; std::getline(rejects, line);) lines.push_back(json::parse(line)["line"]);
  EXPECT_THAT(lines, testing::ElementsAre(20'001, 60'002, 110'003));
}

TEST_F(LoadDumpTest, AKilledServerLosesNothingOfALoad) {
  start();
  constexpr int kDocuments = 120'000;
  const std::string text = rows(0, kDocuments);
  const std::vector<std::string> words = {"load",         "c",        "-",
                                          "--no-trailer", "--resume", path("state")};
  std::mt19937 random(11);
  std::uniform_int_distribution step(1, 40'000);
  for (int target = 1; target + kDocumentsAhead < kDocuments; target += step(random)) {
    const auto input = feed(text, target);
    ClientProgram program(dir_.path(), server_->port(), words, path("pipe"));
    {
      Client client(server_->port());
      while (program.is_alive() && count_of(client, "c") < target) {
      }
    }
    server_->kill();
    input->go_on();
    ASSERT_EQ(program.wait(), 3) << program.errors();
    ASSERT_TRUE(server_->start()) << server_->errors();
  }
  ASSERT_EQ(run(words, file("in", text)), 0) << errors_;
  EXPECT_EQ(dumped("c"), text);
}

TEST_F(LoadDumpTest, ADumpFromAServerThatDiesIsNoFileAndACutPipeIsRefused) {
  start();
  ASSERT_EQ(run({"load", "c", file("in", rows(0, 60'000)), "--no-trailer"}), 0) << errors_;
  ClientProgram program(dir_.path(), server_->port(), {"dump", "c", path("dump.jsonl")});
  while (program.is_alive() && content(path("dump.jsonl.part")).empty()) {
  }
  server_->kill();
  if (program.wait() == 0) GTEST_SKIP() << "the dump was faster than the kill";
  EXPECT_THAT(program.errors(), HasSubstr("connection to"));
  EXPECT_EQ(access(path("dump.jsonl").c_str(), F_OK), -1);
  ASSERT_TRUE(server_->start());
  ASSERT_EQ(run({"dump", "c", path("dump.jsonl")}), 0) << errors_;
  const std::string text = content(path("dump.jsonl"));
  EXPECT_EQ(run({"load", "d", "-"}, file("cut", text.substr(0, text.size() / 2))), 1);
  EXPECT_THAT(errors_, HasSubstr("is cut"));
  EXPECT_EQ(run({"load", "d", file("cut.jsonl", text.substr(0, text.size() / 2))}), 1);
  EXPECT_THAT(errors_, HasSubstr("nothing of it is loaded"));
}

TEST_F(LoadDumpTest, MemoryDoesNotGrowWithTheFile) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer keeps what was freed";
  start();
  // 6 MB and 60 MB. What this process has when it forks counts too, so it holds no such text.
  const std::string in = file("in", rows(0, 50'000));
  const std::vector<std::string> words = {"load", "c", in, "--no-trailer"};
  ASSERT_EQ(run(words), 0) << errors_;
  const long small_load = peak_kib_;
  ASSERT_EQ(run({"dump", "c", path("small.jsonl")}), 0) << errors_;
  const long small_dump = peak_kib_;
  for (int i = 1; i < 10; ++i) {
    std::ofstream(in, std::ios::app) << rows(i * 50'000, (i + 1) * 50'000);
  }
  ASSERT_EQ(run(words), 0) << errors_;
  EXPECT_LT(peak_kib_, small_load + 8 * 1024);
  ASSERT_EQ(run({"dump", "c", path("large.jsonl")}), 0) << errors_;
  EXPECT_LT(peak_kib_, small_dump + 8 * 1024);
}

// A page of one was refused: the row that says that there are more is as large, and an answer holds
// no two of them.
TEST_F(LoadDumpTest, DocumentsOfTheGreatestSizeAreReadOneByOne) {
  start();
  Client client(server_->port());
  const std::string text(8 * 1024 * 1024 - 100, 'x');
  for (int i = 0; i < 6; ++i) {
    const json put = {{"op", "point_put"},
                      {"collection", "c"},
                      {"document_id", "d" + std::to_string(i)},
                      {"data", {{"n", i}, {"text", text}}}};
    ASSERT_EQ(json::parse(client.ask(put.dump()))["status"], "ok");
  }
  const std::string first = dumped("c");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 6);
  ASSERT_EQ(run({"load", "again", path("dumped")}), 0) << errors_;
  EXPECT_TRUE(dumped("again") == first);
  client.ask(R"({"op":"index_create","collection":"c","path":"n"})");
  for (const std::string scan :
       {R"("document_scan","sort":[{"n":"desc"}])",
        R"("range_scan","field":"n","include_data":true)",
        R"("document_scan","sort":[{"n":"desc"}],"filter":{"n":{"gte":0}})"}) {
    const std::string answer =
        client.ask(R"({"collection":"c","limit":1,"payload_format":"json","op":)" + scan + "}");
    const json page = json::parse(answer);
    ASSERT_EQ(page["status"], "ok") << scan << answer.substr(0, 300);
    EXPECT_EQ(page["payload"]["rows"].size(), 1u);
    EXPECT_EQ(page["payload"]["rows"][0]["data"]["text"].get<std::string>().size(), text.size());
    EXPECT_TRUE(page["payload"].contains("cursor"));
  }
}

TEST_F(LoadDumpTest, UniqueValuesAreRefusedOneByOne) {
  start();
  Client client(server_->port());
  client.ask(R"({"op":"index_create","collection":"c","path":"n","kind":"unique"})");
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += "{\"id\":" + std::to_string(i) + ",\"n\":" + std::to_string(i % 2500) + "}\n";
  }
  EXPECT_EQ(run({"load", "c", file("in", text), "--id-field", "id", "--on-error=skip", "--reject",
                 path("rej")}),
            1);
  const json summary = json::parse(out_);
  EXPECT_EQ(summary["documents"], 2500) << errors_;
  EXPECT_EQ(summary["rejected"], 500);
  EXPECT_EQ(count_of(client, "c"), 2500);
  EXPECT_THAT(content(path("rej")), HasSubstr(R"({"line":2501,"error_code":"unique_violation")"));
}

TEST_F(LoadDumpTest, ActsAsTheUserUnderTls) {
  server_ = std::make_unique<ServerProcess>(
      ServerProcess::Options{dir_.path() + "/tls", 1, "", "dev", {"--tls"}});
  ASSERT_TRUE(server_->start()) << server_->errors();
  const std::uint16_t port = server_->tls_port();
  const std::string in = file("in", rows(0, 5000));
  ASSERT_EQ(run({"--tls-unverified", "load", "c", in, "--no-trailer"}, "/dev/null", port), 0)
      << errors_;
  ASSERT_EQ(run({"--tls-unverified", "dump", "c", path("d")}, "/dev/null", port), 0) << errors_;
  EXPECT_EQ(json::parse(out_)["documents"], 5000);
  EXPECT_EQ(run({"--api-key", "nonsense", "load", "c", in, "--no-trailer"}), 1);
  EXPECT_EQ(run({"load", "c", path("none")}), 2);
  server_->stop();
  EXPECT_EQ(run({"load", "c", in, "--no-trailer"}), 3);
}

}  // namespace
}  // namespace stator::test
