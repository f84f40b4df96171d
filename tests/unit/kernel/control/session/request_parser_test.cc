#include "control/session/request_parser.h"

#include <algorithm>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stator/declare.hpp"

namespace stator::session {
namespace {

constexpr stator_arg kPutArgs[] = {
    make_arg(STATOR_ARG_STR, "document_id", "key",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 16}),
    make_arg(STATOR_ARG_JSON, "data", "", {.flags = STATOR_ARG_REQUIRED}),
    make_arg(STATOR_ARG_BOOL, "if_absent", "",
             {.flags = STATOR_ARG_NULLABLE, .default_json = "false"}),
};
constexpr stator_arg kGetArgs[] = {
    make_arg(STATOR_ARG_STR, "document_id", "",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .max = 16}),
    make_arg(STATOR_ARG_I64, "limit", "", {.min = 1, .max = 100, .default_json = "10"}),
};
constexpr stator_op row(const char* name, std::span<const stator_arg> args) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_DOCUMENT,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .args = args});
}
constexpr stator_op kRows[] = {row("toy_put", kPutArgs), row("toy_get", kGetArgs)};

const ops::OpTable& table() {
  static const plugin::Catalog catalog;
  static const ops::OpTable built = ops::OpTable::build(catalog, kRows).take();
  return built;
}

// All that a body came to.
std::string outcome(RequestParser& parser, const std::string& body, bool is_strict = false) {
  bridge::Task task;
  auto parsed = parser.parse(body, {.is_strict = is_strict}, task);
  std::string text =
      "id " + task.client_id + " format " + std::to_string(static_cast<int>(task.payload_format));
  if (!parsed.ok()) {
    const Error& error = parsed.error();
    return text + " error " + error.field() + ": " + error.sentence();
  }
  text += " op " + std::to_string(parsed.value()->index) + " collection " + task.collection +
          " deadline " + std::to_string(task.deadline_ns) + " lsn " +
          std::to_string(task.min_lsn.value()) + " key " + task.idempotency_key + " strict " +
          std::to_string(task.is_strict) + " priority " +
          std::to_string(static_cast<int>(task.priority)) + " args ";
  return text.append(reinterpret_cast<const char*>(task.args.data()), task.args.size());
}

std::string fresh_outcome(const std::string& body, bool is_strict = false) {
  FieldOrders orders;
  RequestParser parser(table(), orders);
  return outcome(parser, body, is_strict);
}

class RequestParserTest : public testing::Test {
 protected:
  std::string parse(const std::string& body) { return outcome(parser_, body); }
  void expect_error(const std::string& body, const std::string& what) {
    EXPECT_NE(parse(body).find(" error " + what), std::string::npos) << body << "\n" << parse(body);
  }
  FieldOrders orders_;
  RequestParser parser_{table(), orders_};
};

const std::string kGet = R"({"op":"toy_get","collection":"c","document_id":"k"})";

TEST_F(RequestParserTest, OpMayStandAnywhere) {
  const std::string expected = parse(kGet);
  EXPECT_EQ(parse(R"({"collection":"c","op":"toy_get","document_id":"k"})"), expected);
  EXPECT_EQ(parse(R"({"document_id":"k","collection":"c","op":"toy_get"})"), expected);
  EXPECT_EQ(parse(R"({"document_id":"k","limit":10,"op":"toy_get","collection":"c"})").size(),
            expected.size());
  EXPECT_EQ(parse(R"({"unknown":[1,{"op":2}],"op":"toy_get","collection":"c","document_id":"k"})"),
            expected);
}

TEST_F(RequestParserTest, NamesMayBeEscaped) {
  EXPECT_EQ(
      parse(R"({"\u006fp":"toy_\u0067et","c\u006fllection":"c","document_\u0069d":"\u006b"})"),
      parse(kGet));
}

TEST_F(RequestParserTest, TheFirstOpCounts) {
  EXPECT_EQ(parse(R"({"op":"toy_get","collection":"c","op":"toy_put","document_id":"k"})"),
            parse(kGet));
  EXPECT_EQ(parse(R"({"document_id":"k","op":"toy_get","op":7,"collection":"c"})"), parse(kGet));
}

TEST_F(RequestParserTest, ABodyWithoutAnOpSaysSo) {
  expect_error("{}", "op: missing 'op'");
  expect_error(R"({"collection":"c"})", "op: missing 'op'");
  expect_error(R"({"document_id":"k"})", "op: missing 'op'");
  expect_error(R"({"op":7})", "op: 'op' must be a string");
  expect_error(R"({"document_id":"k","op":null})", "op: 'op' must be a string");
  expect_error("[]", ": a request must be a JSON object");
  expect_error("", ": a request must be a JSON object");
}

TEST_F(RequestParserTest, WhatWasLearnedIsNoExcuseForBadJson) {
  parse(kGet);
  parse(kGet);
  for (std::size_t bytes = 0; bytes < kGet.size(); ++bytes) {
    const std::string cut = kGet.substr(0, bytes);
    EXPECT_EQ(parse(cut), fresh_outcome(cut)) << cut;
    EXPECT_NE(parse(cut).find(" error "), std::string::npos) << cut;
  }
  for (const char* body : {R"({,"collection":"c","op":"toy_get","document_id":"k"})",
                           R"({"op":"toy_get""collection":"c","document_id":"k"})",
                           R"({"op":"toy_get",,"collection":"c","document_id":"k"})",
                           R"({"op":"toy_get","collection":"c","document_id":"k",})",
                           R"({"op":"toy_get","collection":"c","document_id":"k"}})",
                           R"({"op":"toy_get"x,"collection":"c","document_id":"k"})"}) {
    EXPECT_EQ(parse(body), fresh_outcome(body)) << body;
    EXPECT_NE(parse(body).find(" error "), std::string::npos) << body;
  }
}

TEST_F(RequestParserTest, AStrictBodyIsHeldToEachName) {
  parse(kGet);
  expect_error(R"({"op":"toy_get","op":"toy_get","document_id":"k","strict":true})",
               "op: the field is given twice");
  expect_error(R"({"op":"toy_get","document_id":"k","\u0064ocument_id":"k","strict":true})",
               "document_id: the field is given twice");
  expect_error(R"({"op":"toy_get","documentid":"k","strict":true})", "documentid: unknown field");
  expect_error(R"({"strict":true,"op":"toy_get","document_id":"k","limt":1})",
               "limt: unknown field");
}

std::string one_of(std::mt19937& random, std::initializer_list<const char*> texts) {
  return texts.begin()[random() % texts.size()];
}

// A field of a random body, now and then one at fault.
std::string random_field(std::mt19937& random) {
  if (random() % 16 == 0) {
    return one_of(
        random, {R"("limit":1000)", R"("id":-5)", R"("limit":)", R"("collection":"c)",
                 R"("document_id":"")", R"("op":"toy_put")", R"("data")", R"("priority":"last")"});
  }
  return one_of(random,
                {R"("collection":"c")", R"( "collection": "long-enough-for-the-heap")",
                 R"("document_id" :"\u006b")", R"("key":"other")", R"("if_absent":true)",
                 R"("if_absent":null)", R"("limit":7)", R"("id":5)", R"("id":"five")",
                 R"("strict":true)", R"("strict":false)", R"("deadline_ms":20)", R"("min_lsn":3)",
                 R"("idempotency_key":"x")", R"("idempotency_key":12)", R"("priority":"high")",
                 R"("payload_format":"json")", R"("unknown":[{}])", R"("tenant_id":4)"});
}

std::string random_body(std::mt19937& random) {
  std::vector<std::string> fields;
  fields.push_back(one_of(
      random, {R"("op":"toy_get")", R"("op":"toy_put")", R"("op" : "toy_get")", R"("op":"toy_put")",
               R"("op":"toy_\u0067et")", R"("op":"toy_nothing")", R"("\u006fp":"toy_put")"}));
  if (random() % 8 != 0) fields.push_back(R"("document_id":"k")");
  if (random() % 8 != 0)
    fields.push_back(one_of(random, {R"("data":{"a":[1]})", R"("data":null)"}));
  for (auto left = random() % 5; left != 0; --left) fields.push_back(random_field(random));
  if (random() % 3 == 0) std::shuffle(fields.begin(), fields.end(), random);
  std::string body = "{";
  for (std::size_t i = 0; i < fields.size(); ++i)
    body += (i == 0 ? "" : random() % 8 == 0 ? " , " : ",") + fields[i];
  return body + (random() % 16 == 0 ? "" : "}");
}

// What a lane learned from other requests never shows.
TEST_F(RequestParserTest, AnswersAsOneThatHasLearnedNothing) {
  std::mt19937 random(7);
  std::size_t good = 0;
  for (int round = 0; round < 40'000; ++round) {
    const std::string body = random_body(random);
    const bool is_strict = random() % 4 == 0;
    const std::string expected = fresh_outcome(body, is_strict);
    good += expected.find(" error ") == std::string::npos;
    ASSERT_EQ(outcome(parser_, body, is_strict), expected) << body;
  }
  EXPECT_GT(good, 10'000u);  // and not only of what is refused
}

TEST_F(RequestParserTest, ManyFieldsAreRefusedAfterTheLastThatIsAllowed) {
  std::string body = R"({"op":"toy_get","document_id":"k")";
  for (int i = 2; i < 256; ++i) body += ",\"x" + std::to_string(i) + "\":0";
  EXPECT_EQ(parse(body + "}").find(" error "), std::string::npos);
  expect_error(body + ",\"y\":0}", ": a request has at most 256 fields");
}

}  // namespace
}  // namespace stator::session
