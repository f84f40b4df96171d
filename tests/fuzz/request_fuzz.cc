// A frame's body through the parser, as the session does it. Oracle: no crash, and what is refused
// has a sentence.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "control/session/request_parser.h"
#include "control/session/session_ops.h"
#include "stator/declare.hpp"

namespace {

using namespace stator;

constexpr const char* kColours[] = {"red", "green"};
constexpr stator_arg kRowFields[] = {
    make_arg(STATOR_ARG_STR, "key", "", {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY}),
    make_arg(STATOR_ARG_F32VEC, "vector", "", {}),
};
constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STR, "name", "", {}),
    make_arg(STATOR_ARG_U64, "count", "", {.min = 1, .max = 10}),
    make_arg(STATOR_ARG_I64, "shift", "", {}),
    make_arg(STATOR_ARG_F64, "real", "", {}),
    make_enum("colour", "", kColours, {}),
    make_arg(STATOR_ARG_F32VEC, "vector", "", {}),
    make_arg(STATOR_ARG_STRVEC, "words", "", {}),
    make_arg(STATOR_ARG_JSON, "body", "", {}),
    make_arg(STATOR_ARG_BYTES, "blob", "", {}),
    make_rows("rows", "", kRowFields, {}),
};
constexpr stator_op kRow = make_op({.op_class = STATOR_OP_READ,
                                    .permission = STATOR_PERM_READ,
                                    .placement = STATOR_PLACE_ANY,
                                    .name = "toy",
                                    .doc = "",
                                    .result = "",
                                    .example = "{}",
                                    .args = kArgs});

const ops::OpTable& table() {
  static const plugin::Catalog catalog;
  static const std::vector<stator_op> rows = [] {
    std::vector<stator_op> all(session::session_rows().begin(), session::session_rows().end());
    all.push_back(kRow);
    return all;
  }();
  static const ops::OpTable built = ops::OpTable::build(catalog, rows).take();
  return built;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static bridge::Task task;
  task.reset();
  static session::FieldOrders orders;  // what other inputs taught must not matter
  session::RequestParser parser(table(), orders);
  auto parsed = parser.parse({reinterpret_cast<const char*>(data), size}, {}, task);
  if (!parsed.ok() && parsed.error().sentence().empty()) std::abort();
  return 0;
}
