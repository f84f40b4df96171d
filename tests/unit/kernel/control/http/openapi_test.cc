#include "control/http/openapi.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "stator/declare.hpp"

#include "support/played_engine.h"

namespace stator::http {
namespace {

constexpr stator_arg kId[] = {
    make_arg(STATOR_ARG_STR, "document_id", "", {.flags = STATOR_ARG_REQUIRED})};
constexpr stator_arg kKey[] = {make_arg(STATOR_ARG_STR, "key", "", {.flags = STATOR_ARG_REQUIRED})};
constexpr stator_op row(std::span<const stator_arg> args, std::uint32_t flags) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_ANY,
                  .name = "get",
                  .doc = "Gets.",
                  .result = "",
                  .example = "{}",
                  .args = args,
                  .flags = flags});
}
constexpr stator_op kAnywhere = row(kId, 0);
constexpr stator_op kOwn = row(kKey, STATOR_OP_OWN_COLLECTIONS);
constexpr const stator_op* kOne[] = {&kAnywhere};
constexpr const stator_op* kTwo[] = {&kOwn};
const stator_engine_v1* one(const stator_kernel_hello*) {
  static const stator_engine_v1 engine = test::played_engine("one", kOne);
  return &engine;
}
const stator_engine_v1* two(const stator_kernel_hello*) {
  static const stator_engine_v1 engine = test::played_engine("two", kTwo);
  return &engine;
}

TEST(OpenapiTest, ANameOfTwoEnginesIsOnePathThatTakesTheFieldsOfEither) {
  plugin::Catalog catalog;
  ASSERT_TRUE(catalog.add(&one, {}, test::library_of("one")).ok());
  ASSERT_TRUE(catalog.add(&two, {}, test::library_of("two")).ok());
  const ops::OpTable table = ops::OpTable::build(catalog, {}).take();
  std::multiset<std::string> paths;
  const auto note = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (event == nlohmann::json::parse_event_t::key && depth == 2) paths.insert(parsed);
    return true;
  };
  const auto document = nlohmann::json::parse(openapi(table), note);
  EXPECT_EQ(paths.count("/v1/ops/get"), 1u);
  EXPECT_EQ(paths.count("/v1/ops/two.get"), 1u);
  const auto fields = [&](const char* path) {
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
                   ["allOf"][1];
  };
  EXPECT_EQ(fields("/v1/ops/get")["anyOf"][0]["required"], nlohmann::json({"document_id"}));
  EXPECT_EQ(fields("/v1/ops/get")["anyOf"][1]["required"], nlohmann::json({"key"}));
  EXPECT_EQ(fields("/v1/ops/two.get")["required"], nlohmann::json({"key"}));
  EXPECT_EQ(document["paths"]["/v1/ops/two.get"]["post"]["operationId"], "two.get");
  EXPECT_EQ(document["paths"]["/v1/ops/get"]["post"]["description"],
            "Gets. In collections of engine 'two' the name means 'two.get'.");
}

}  // namespace
}  // namespace stator::http
