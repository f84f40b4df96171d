// `stator load` against a server in a thread that can refuse, put off and break; `stator dump`.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dump_documents.h"
#include "failure.h"
#include "fake_server.h"
#include "json_value.h"
#include "load_documents.h"
#include "support/server_process.h"
#include "transfer_options.h"

namespace stator::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ok(std::uint64_t id, const std::string& payload) {
  return "{\"request_id\":" + std::to_string(id) + ",\"status\":\"ok\",\"payload\":" + payload +
         "}";
}
std::string refused(std::uint64_t id, const std::string& code, bool is_retryable = false) {
  return "{\"request_id\":" + std::to_string(id) +
         ",\"status\":\"error\",\"payload\":null,\"error_code\":\"" + code +
         "\",\"error\":\"because\"" +
         (is_retryable ? R"(,"retryable":true,"retry_after_ms":1})" : R"(,"retryable":false})");
}

// Keeps documents. One with "bad" in it makes its request fail, as does the id "ghost".
class Store {
 public:
  std::vector<std::string> answer(std::uint64_t id, const std::string& body) {
    JsonValue request;
    EXPECT_TRUE(parse_json(body, request)) << body;
    ++requests;
    if (break_at == requests) return {"close"};
    if (busy > 0) {
      --busy;
      return {refused(id, "busy", true)};
    }
    if (request["op"].text == "document_scan") return {scan(id, request)};
    EXPECT_EQ(request["op"].text, "document_batch_insert");
    EXPECT_EQ(request["collection"].text, "c");
    std::string code;
    for (const JsonValue& row : request["documents"].items) {
      if (!row["data"]["bad"].text.empty()) code = row["data"]["bad"].text;
    }
    if (!code.empty()) return {refused(id, code, code == "busy")};
    for (const JsonValue& row : request["documents"].items) {
      const bool skips = request["on_conflict"].text == "skip";
      const std::string& document = row["document_id"].text;
      if (!skips || !documents.contains(document)) documents[document] = to_json(row["data"]);
    }
    return {ok(id, "{}")};
  }

  std::map<std::string, std::string> documents;
  std::uint64_t requests = 0;
  std::uint64_t break_at = 0;  // the request that breaks the connection
  int busy = 0;                // so many requests are put off
  std::uint64_t page_max = 1000;

 private:
  std::string scan(std::uint64_t id, const JsonValue& request) {
    std::uint64_t limit = std::stoull(request["limit"].text);
    if (limit > page_max) return refused(id, "fan_out_exceeded");
    std::string rows;
    auto at = documents.upper_bound(request["after"].text);
    for (; at != documents.end() && limit > 0; ++at, --limit) {
      rows += (rows.empty() ? "" : ",") + ("{\"document_id\":\"" + at->first) +
              "\",\"data\":" + at->second + "}";
    }
    return ok(id, "{\"rows\":[" + rows + "]" +
                      (at == documents.end() ? "}" : ",\"cursor\":\"somewhere\"}"));
  }
};

class LoadTest : public ::testing::Test {
 protected:
  std::string file(const std::string& bytes, const std::string& name = "in.jsonl") {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The words behind `stator load c`; the sentence of the failure or "".
  std::string load(std::vector<std::string> words) {
    words.insert(words.begin(), {"load", "c"});
    return run([&](Connection& connection) {
      LoadOptions options = read_load_options(words);
      LoadOptions quiet{.collection = options.collection,
                        .path = options.path,
                        .form = options.form,
                        .wants_trailer = options.wants_trailer,
                        .skips_faults = options.skips_faults,
                        .keeps_existing = options.keeps_existing,
                        .reject_path = options.reject_path,
                        .state_path = options.state_path,
                        .err = err_};
      summary_ = LoadSummary();
      load_documents(connection, quiet, summary_);
    });
  }
  std::string dump(std::vector<std::string> words) {
    words.insert(words.begin(), {"dump", "c"});
    return run([&](Connection& connection) {
      const DumpOptions options = read_dump_options(words);
      dumped_ = dump_documents(connection, {.collection = options.collection,
                                            .path = options.path,
                                            .format = options.format,
                                            .columns = options.columns,
                                            .filter = options.filter,
                                            .err = err_});
    });
  }
  std::string run(const std::function<void(Connection&)>& work) {
    FakeServer server(
        [this](std::uint64_t id, const std::string& body) { return store_.answer(id, body); });
    Connection connection(server.address());
    err_.str("");
    try {
      work(connection);
    } catch (const Failure& fault) {
      code_ = fault.exit_code();
      return fault.what();
    }
    code_ = kExitOk;
    return "";
  }
  static std::string line(int number, const std::string& more = "") {
    return "{\"id\":\"d" + std::to_string(number) + "\",\"n\":" + std::to_string(number) + more +
           "}\n";
  }

  test::TempDir dir_;
  Store store_;
  LoadSummary summary_;
  DumpSummary dumped_;
  std::ostringstream err_;
  ExitCode code_ = kExitOk;
};

TEST_F(LoadTest, LoadsEveryLineInFewRequests) {
  std::string text;
  for (int i = 0; i < 5500; ++i) text += line(i);
  EXPECT_EQ(load({file(text), "--id-field", "id"}), "");
  EXPECT_EQ(summary_.documents, 5500u);
  EXPECT_EQ(store_.documents.size(), 5500u);
  EXPECT_EQ(store_.documents["d5499"], R"({"id":"d5499","n":5499})");
  EXPECT_EQ(store_.requests, 6u);
}

TEST_F(LoadTest, TheFirstFaultEndsTheLoadAndIsNamed) {
  const std::string path =
      file(line(1) + line(2, ",\"bad\":\"unique_violation\"") + "x\n" + line(4));
  EXPECT_EQ(load({path, "--id-field", "id"}),
            path + ":2: unique_violation: unique_violation: because");
  EXPECT_EQ(code_, kExitRefused);
  EXPECT_EQ(summary_.documents, 1u);
  const std::string other = file(line(1) + "x\n" + line(4));
  EXPECT_EQ(load({other, "--id-field", "id"}),
            other + ":2: bad_json: the line is not a JSON object");
  EXPECT_FALSE(store_.documents.contains("d4"));
}

TEST_F(LoadTest, SkipsFaultsAndTellsEachInTheRejectFile) {
  std::string text;
  for (int i = 1; i <= 3000; ++i) {
    text += i % 1000 == 0 ? "x\n" : line(i, i % 700 == 0 ? ",\"bad\":\"rejected_constraint\"" : "");
  }
  const std::string rejects = dir_.path() + "/rejects";
  EXPECT_EQ(load({file(text), "--id-field", "id", "--on-error=skip", "--reject", rejects}), "");
  EXPECT_EQ(summary_.documents, 2993u);
  EXPECT_EQ(summary_.rejected, 7u);
  EXPECT_EQ(store_.documents.size(), 2993u);
  std::istringstream lines(content(rejects));
  std::vector<std::string> numbers;
  for (std::string each; std::getline(lines, each);) {
    JsonValue reject;
    ASSERT_TRUE(parse_json(each, reject)) << each;
    numbers.push_back(reject["line"].text + " " + reject["error_code"].text);
    EXPECT_THAT(reject["error"].text, ::testing::Not(""));
  }
  EXPECT_THAT(numbers,
              ElementsAre("700 rejected_constraint", "1000 bad_json", "1400 rejected_constraint",
                          "2000 bad_json", "2100 rejected_constraint", "2800 rejected_constraint",
                          "3000 bad_json"));
  EXPECT_THAT(err_.str(), HasSubstr(":700: rejected_constraint"));
  EXPECT_THAT(err_.str(), HasSubstr("2 more rejected"));
}

TEST_F(LoadTest, WhatConcernsTheWholeLoadEndsItAlsoWithSkip) {
  const std::string path = file(line(1, ",\"bad\":\"engine_disabled\""));
  EXPECT_THAT(load({path, "--id-field", "id", "--on-error=skip"}), HasSubstr("engine_disabled"));
  EXPECT_EQ(code_, kExitRefused);
  EXPECT_EQ(summary_.rejected, 0u);
}

TEST_F(LoadTest, AsksAgainWhereTheServerSaysLater) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += line(i);
  store_.busy = 8;
  EXPECT_EQ(load({file(text), "--id-field", "id"}), "");
  EXPECT_EQ(store_.documents.size(), 5000u);
}

TEST_F(LoadTest, GivesUpAServerThatSaysLaterForEver) {
  const std::string path = file(line(1, ",\"bad\":\"busy\""));
  EXPECT_THAT(load({path, "--id-field", "id", "--on-error=skip"}), HasSubstr("goes on to refuse"));
  EXPECT_EQ(summary_.rejected, 0u);
}

TEST_F(LoadTest, OfOneIdTheLastLineWinsAlsoWhereBatchesAreSentAgain) {
  // The first batch fails and is sent again one by one, when the second could be written already.
  std::string text = line(1, ",\"v\":1") + line(2, ",\"bad\":\"rejected_constraint\"");
  for (int i = 10; i < 1500; ++i) text += line(i);
  text += line(1, ",\"v\":2");
  EXPECT_EQ(load({file(text), "--id-field", "id", "--on-error=skip"}), "");
  EXPECT_EQ(store_.documents["d1"], R"({"id":"d1","n":1,"v":2})");
  EXPECT_EQ(load({file(line(1, ",\"v\":3")), "--id-field", "id", "--on-conflict=skip"}), "");
  EXPECT_EQ(store_.documents["d1"], R"({"id":"d1","n":1,"v":2})");
}

TEST_F(LoadTest, GoesOnWhereItWasCut) {
  std::string text;
  for (int i = 1; i <= 60'000; ++i) text += i % 7000 == 0 ? "x\n" : line(i);
  const std::string path = file(text);
  const std::string rejects = dir_.path() + "/rejects";
  const std::vector<std::string> words = {
      path,       "--id-field", "id",       "--on-error=skip",
      "--reject", rejects,      "--resume", dir_.path() + "/state"};
  store_.break_at = 40;
  EXPECT_THAT(load(words), HasSubstr("connection"));
  EXPECT_EQ(code_, kExitConnection);
  EXPECT_GT(summary_.documents, 20'000u);
  EXPECT_EQ(load(words), "");
  EXPECT_EQ(summary_.documents, 59'992u);
  EXPECT_EQ(summary_.rejected, 8u);
  EXPECT_EQ(store_.documents.size(), 59'992u);
  // Some batches that were not answered, or not noted, were sent again; not all of them.
  EXPECT_LT(store_.requests, 85u);
  const std::string told = content(rejects);
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 8);
  // Whole: once more sends nothing, tells the same, and goes on where lines were added.
  const std::uint64_t before = store_.requests;
  EXPECT_EQ(load(words), "");
  EXPECT_EQ(store_.requests, before);
  EXPECT_EQ(summary_.documents, 59'992u);
  EXPECT_EQ(content(rejects), told);
  std::ofstream(path, std::ios::app) << line(60'001);
  EXPECT_EQ(load(words), "");
  EXPECT_EQ(summary_.documents, 59'993u);
  EXPECT_EQ(store_.requests, before + 1);
}

TEST_F(LoadTest, AStateServesTheSameLoadOnly) {
  const std::string state = dir_.path() + "/state";
  ASSERT_EQ(load({file(line(1) + line(2)), "--id-field", "id", "--resume", state}), "");
  EXPECT_THAT(load({file(line(1) + line(3)), "--id-field", "id", "--resume", state}),
              HasSubstr("is not the file whose load is to be resumed"));
  EXPECT_THAT(load({file(line(1)), "--id-field", "id", "--resume", state}),
              HasSubstr("is not the file"));
  EXPECT_THAT(load({file(line(1) + line(2)), "--id-field", "n", "--resume", state}),
              HasSubstr("the state of another load"));
  EXPECT_EQ(code_, kExitUsage);
  file("{\"stator_load\":1", "state");
  EXPECT_THAT(load({file(line(1)), "--id-field", "id", "--resume", state}),
              HasSubstr("is not the state of a load"));
}

TEST_F(LoadTest, ADumpIsLoadedAsItWasAndCheckedFirst) {
  for (int i = 0; i < 2500; ++i) store_.documents["d" + std::to_string(i)] = R"({"a":"é"})";
  const auto before = store_.documents;
  const std::string path = dir_.path() + "/d.jsonl";
  ASSERT_EQ(dump({path}), "");
  EXPECT_EQ(dumped_.documents, 2500u);
  store_.documents.clear();
  ASSERT_EQ(load({path}), "");
  EXPECT_EQ(store_.documents, before);

  store_.documents.clear();
  const std::string text = content(path);
  const std::size_t trailer = text.rfind('\n', text.size() - 2) + 1;
  file(text.substr(0, trailer), "d.jsonl");
  EXPECT_THAT(load({path}), HasSubstr("is cut"));
  EXPECT_THAT(load({file("", "empty.jsonl")}), HasSubstr("is cut"));
  std::string damaged = text;
  damaged[10] ^= 1;
  file(damaged, "d.jsonl");
  EXPECT_THAT(load({path}), HasSubstr("is damaged"));
  EXPECT_EQ(code_, kExitRefused);
  EXPECT_TRUE(store_.documents.empty());
  file(text + text, "d.jsonl");
  EXPECT_NE(load({path}), "");
  EXPECT_TRUE(store_.documents.empty());
  file(text.substr(0, trailer), "d.jsonl");
  EXPECT_EQ(load({path, "--no-trailer"}), "");
  EXPECT_EQ(store_.documents, before);
}

TEST_F(LoadTest, ADumpThatLacksLinesIsNoticedByItsCount) {
  // Of a sum that fits: as if who wrote it had counted wrong.
  Digest digest;
  const std::string row = "{\"document_id\":\"a\",\"data\":{}}\n";
  digest.add(row);
  const std::string path = file(row + write_trailer({2, digest.so_far()}) + "\n");
  EXPECT_THAT(load({path}), HasSubstr("has 1 documents, its trailer tells of 2"));
  const std::string later = file(row + "{\"stator_dump\":2,\"documents\":1,\"sha256\":\"0\"}\n");
  EXPECT_THAT(load({later}), HasSubstr("version 2"));
}

TEST_F(LoadTest, ADumpIsResumedBehindItsTrailerToo) {
  for (int i = 0; i < 30'000; ++i) store_.documents["d" + std::to_string(i)] = R"({"a":1})";
  const auto before = store_.documents;
  for (const char* name : {"/d.jsonl", "/d.csv"}) {
    store_.documents = before;
    const std::string path = dir_.path() + name;
    ASSERT_EQ(dump({path}), "");
    store_.documents.clear();
    store_.requests = 0;
    store_.break_at = 20;
    const std::string state = path + ".state";
    EXPECT_NE(load({path, "--resume", state}), "");
    EXPECT_EQ(load({path, "--resume", state}), "");
    EXPECT_EQ(load({path, "--resume", state}), "");
    EXPECT_EQ(store_.documents, before);
    EXPECT_EQ(summary_.documents, 30'000u);
    EXPECT_LT(store_.requests, 50u);
    store_.break_at = 0;
  }
}

TEST_F(LoadTest, DumpsCsvByColumnsOrWhole) {
  store_.documents = {{"a", R"({"s":"x,\"y\"\n","n":1,"f":1.5,"b":true,"j":{"k":[null]}})"},
                      {"b", R"({"s":"","n":-5})"},
                      {"c", R"({"other":0})"}};
  const auto before = store_.documents;
  const std::string path = dir_.path() + "/d.csv";
  ASSERT_EQ(dump({path}), "");
  store_.documents.clear();
  ASSERT_EQ(load({path}), "");
  EXPECT_EQ(store_.documents, before);

  ASSERT_EQ(dump({path, "--fields", "s:string,n:int,f:float,b:bool,j"}), "");
  const std::string text = content(path);
  EXPECT_EQ(text.substr(0, text.find('#')),
            "document_id,s:string,n:int,f:float,b:bool,j:json\r\n"
            "a,\"x,\"\"y\"\"\n\",1,1.5,true,\"{\"\"k\"\":[null]}\"\r\n"
            "b,\"\",-5,,,\r\nc,,,,,\r\n");
  store_.documents.clear();
  ASSERT_EQ(load({path}), "");
  EXPECT_EQ(store_.documents["a"], before.at("a"));
  EXPECT_EQ(store_.documents["b"], before.at("b"));
  EXPECT_EQ(store_.documents["c"], "{}");
}

TEST_F(LoadTest, ADumpNeverLosesAValueThatDoesNotFitItsColumn) {
  const std::string path = dir_.path() + "/d.csv";
  for (const char* value : {"\"1\"", "1.5", "null", "[]", "true", "99999999999999999999"}) {
    store_.documents = {{"a", "{\"n\":" + std::string(value) + "}"}};
    EXPECT_THAT(dump({path, "--fields", "n:int"}), HasSubstr("does not fit 'n:int'")) << value;
    EXPECT_EQ(code_, kExitRefused);
  }
  store_.documents = {{"a", R"({"s":"x\u0000"})"}};
  EXPECT_THAT(dump({path, "--fields", "s:string"}), HasSubstr("does not fit"));
  // What does not end well leaves nothing behind.
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(LoadTest, ADumpAsksForLessWhereAPageIsTooLarge) {
  for (int i = 0; i < 3000; ++i) store_.documents["d" + std::to_string(i)] = "{}";
  store_.page_max = 100;
  store_.busy = 2;
  ASSERT_EQ(dump({dir_.path() + "/d"}), "");
  EXPECT_EQ(dumped_.documents, 3000u);
  EXPECT_LT(store_.requests, 70u);
}

TEST_F(LoadTest, ADumpThatFailsLeavesTheFileBefore) {
  const std::string path = file("the dump of yesterday", "d.jsonl");
  for (int i = 0; i < 3000; ++i) store_.documents["d" + std::to_string(i)] = "{}";
  store_.break_at = 2;
  EXPECT_NE(dump({path}), "");
  EXPECT_EQ(code_, kExitConnection);
  EXPECT_EQ(content(path), "the dump of yesterday");
  EXPECT_NE(dump({dir_.path() + "/none/d"}), "");
  EXPECT_EQ(code_, kExitUsage);
}

TEST_F(LoadTest, RefusesCommandLinesThatSayTwoThings) {
  const auto refusal = [&](const std::vector<std::string>& words) {
    try {
      words.front() == "load" ? static_cast<void>(read_load_options(words))
                              : static_cast<void>(read_dump_options(words));
    } catch (const Failure& fault) {
      return std::to_string(fault.exit_code());
    }
    return std::string("none");
  };
  EXPECT_EQ(refusal({"load", "c"}), "2");
  EXPECT_EQ(refusal({"load", "c", "f", "--on-error=ignore"}), "2");
  EXPECT_EQ(refusal({"load", "c", "f.jsonl", "--id-field", "id", "--types", "a:int"}), "2");
  EXPECT_EQ(refusal({"load", "c", "f.csv", "--types", "a:int"}), "2");
  EXPECT_EQ(refusal({"load", "c", "f.csv", "--id-field", "id", "--types", "a"}), "2");
  EXPECT_EQ(refusal({"load", "c", "f.csv", "--id-field", "id", "--types", "a:int,a:int"}), "2");
  EXPECT_EQ(refusal({"load", "c", "f", "--reject", "r"}), "2");
  EXPECT_EQ(refusal({"dump", "c", "f", "--fields", "a"}), "2");
  EXPECT_EQ(refusal({"dump", "c", "f.csv", "--fields", "a:document"}), "2");
  EXPECT_EQ(refusal({"dump", "c", "f", "--filter", "{"}), "2");
  EXPECT_EQ(refusal({"load", "--help"}), "0");
  EXPECT_EQ(refusal({"dump", "c", "f.csv", "--fields", "a:int,b"}), "none");
}

}  // namespace
}  // namespace stator::client
