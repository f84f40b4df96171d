// A graph engine under a fake kernel, and its answers as values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fake_kernel.h"

namespace stator::testing {

using Json = nlohmann::json;

class GraphFixture : public ::testing::Test {
 protected:
  testkit::Answer call(const std::string& op, const Json& args, const std::string& collection = "g",
                       std::uint32_t tenant = 1) {
    return kernel_.call(op, args.dump(), collection, tenant);
  }
  // The payload of a call that must succeed.
  Json ask(const std::string& op, const Json& args, const std::string& collection = "g",
           std::uint32_t tenant = 1) {
    const auto answer = call(op, args, collection, tenant);
    EXPECT_EQ(answer.status, STATOR_OK) << op << ": " << answer.detail;
    return Json::parse(answer.payload.empty() ? "null" : answer.payload);
  }
  Json put(const std::string& from, const std::string& label, const std::string& to) {
    return ask("edge_put", {{"from_node", from}, {"to_node", to}, {"edge_type", label}});
  }
  void expect_refusal(const testkit::Answer& answer, stator_status status,
                      const std::string& field) {
    EXPECT_EQ(answer.status, status) << answer.payload << answer.detail;
    EXPECT_EQ(answer.field, field);
    EXPECT_FALSE(answer.detail.empty());
  }
  // "hop:id" of each row.
  static std::vector<std::string> hops(const Json& answer) {
    std::vector<std::string> rows;
    for (const Json& row : answer["rows"]) {
      rows.push_back(std::to_string(row["hop"].get<int>()) + ":" + row["node"].get<std::string>());
    }
    return rows;
  }
  // "direction label node" of each neighbour.
  static std::vector<std::string> neighbors(const Json& answer) {
    std::vector<std::string> rows;
    for (const Json& row : answer["neighbors"]) {
      rows.push_back(row["direction"].get<std::string>() + " " + row["label"].get<std::string>() +
                     " " + row["node"].get<std::string>());
    }
    return rows;
  }

  testkit::FakeKernel kernel_{&stator_engine_entry_v1};
};

}  // namespace stator::testing
