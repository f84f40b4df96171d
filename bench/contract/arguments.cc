// A point_get's arguments bound from its frame, against a parser written by hand for it, and
// against Poco's JSON parser.
#include <cstdlib>
#include <string>
#include <string_view>

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include "stator/declare.hpp"

#include "contract/spread.h"
#include "control/session/request_parser.h"
#include "control/session/session_ops.h"

namespace {

using namespace stator;

const std::string kGet = R"({"op":"toy_get","collection":"bench","document_id":"key-12345"})";

constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STR, "document_id", "",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 256}),
    make_arg(STATOR_ARG_STRVEC, "fields", "", {}),
};
constexpr stator_op kRows[] = {make_op({.op_class = STATOR_OP_READ,
                                        .permission = STATOR_PERM_READ,
                                        .placement = STATOR_PLACE_DOCUMENT,
                                        .name = "toy_get",
                                        .doc = "",
                                        .result = "",
                                        .example = "{}",
                                        .args = kArgs})};

struct Asked {
  std::string op;
  std::string collection;
  std::string document_id;
};

// As one writes it for three known members: no escapes, no other types, nothing else is looked at.
bool parse_by_hand(std::string_view body, Asked& asked) {
  const char* at = body.data();
  const char* const end = at + body.size();
  const auto text = [&](std::string_view& out) {
    if (at == end || *at != '"') return false;
    const char* const begin = ++at;
    while (at != end && *at != '"' && *at != '\\') ++at;
    if (at == end || *at == '\\') return false;
    out = {begin, static_cast<std::size_t>(at - begin)};
    ++at;
    return true;
  };
  if (at == end || *at++ != '{') return false;
  for (;;) {
    std::string_view name;
    std::string_view value;
    if (!text(name) || at == end || *at++ != ':' || !text(value)) return false;
    if (name == "op") {
      asked.op = value;
    } else if (name == "collection") {
      asked.collection = value;
    } else if (name == "document_id") {
      asked.document_id = value;
    } else {
      return false;
    }
    if (at == end) return false;
    if (*at == '}') return at + 1 == end;
    if (*at++ != ',') return false;
  }
}

void parse_with_poco(const std::string& body, Asked& asked) {
  Poco::JSON::Parser parser;
  const auto object = parser.parse(body).extract<Poco::JSON::Object::Ptr>();
  asked.op = object->getValue<std::string>("op");
  asked.collection = object->getValue<std::string>("collection");
  asked.document_id = object->getValue<std::string>("document_id");
}

}  // namespace

void bench::measure_arguments(int rounds) {
  const plugin::Catalog catalog;
  const ops::OpTable table = ops::OpTable::build(catalog, kRows).take();
  session::FieldOrders orders;
  session::RequestParser parser(table, orders);
  bridge::Task task;
  Asked asked;
  bench::Spread ours;
  bench::Spread hand;
  bench::Spread poco;
  bench::Spread to_hand;
  bench::Spread to_poco;
  for (int i = 0; i < rounds; ++i) {
    ours.values.push_back(bench::ns_per_call([&] {
      task.reset();
      if (!parser.parse(kGet, {}, task).ok()) std::abort();
    }));
    hand.values.push_back(bench::ns_per_call([&] {
      if (!parse_by_hand(kGet, asked)) std::abort();
      bench::keep(asked);
    }));
    poco.values.push_back(bench::ns_per_call([&] {
      parse_with_poco(kGet, asked);
      bench::keep(asked);
    }));
    to_hand.values.push_back(ours.values.back() / hand.values.back());
    to_poco.values.push_back(poco.values.back() / ours.values.back());
  }
  ours.print("request parsed and bound by its row", "ns");
  hand.print("by hand, three members", "ns");
  poco.print("Poco::JSON", "ns");
  to_hand.print("  as many times as by hand", "x");
  to_poco.print("  Poco::JSON as many times", "x");
}
