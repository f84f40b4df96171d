// A vector engine under a fake kernel, and its answers as values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fake_kernel.h"

namespace stator::testing {

using Json = nlohmann::json;

class VectorFixture : public ::testing::Test {
 protected:
  testkit::Answer call(const std::string& op, const Json& args, const std::string& collection = "c",
                       std::uint32_t tenant = 1) {
    return kernel_.call(op, args.dump(), collection, tenant);
  }
  // The payload of a call that must succeed.
  Json ask(const std::string& op, const Json& args, const std::string& collection = "c",
           std::uint32_t tenant = 1) {
    const auto answer = call(op, args, collection, tenant);
    EXPECT_EQ(answer.status, STATOR_OK) << op << ": " << answer.detail;
    return Json::parse(answer.payload.empty() ? "null" : answer.payload);
  }
  void expect_refusal(const testkit::Answer& answer, stator_status status,
                      const std::string& field) {
    EXPECT_EQ(answer.status, status) << answer.payload << answer.detail;
    EXPECT_EQ(answer.field, field);
    EXPECT_FALSE(answer.detail.empty());
  }
  std::vector<std::string> found(const Json& query, int top_k = 10,
                                 const std::string& collection = "c") {
    std::vector<std::string> ids;
    const Json args = {{"query_vector", query}, {"top_k", top_k}};
    const Json answer = ask("vector_search", args, collection);
    for (const Json& row : answer["results"]) ids.push_back(row["document_id"]);
    return ids;
  }

  testkit::FakeKernel kernel_{&stator_engine_entry_v1};
};

}  // namespace stator::testing
