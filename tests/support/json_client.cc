#include "support/json_client.h"

#include <gtest/gtest.h>

namespace stator::test {

using nlohmann::json;

json ask(Client& client, json request) {
  request["payload_format"] = "json";
  return json::parse(client.ask(request.dump()));
}

json must(Client& client, const json& request) {
  const json answer = ask(client, request);
  EXPECT_EQ(answer["status"], "ok") << request.dump().substr(0, 300) << answer;
  return answer.value("payload", json());  // auth has none
}

void wait_for_lsn(Client& client, std::uint64_t requests) {
  for (std::uint64_t i = 0; i < requests; ++i) {
    const json request = {{"op", "point_get"},
                          {"document_id", "d" + std::to_string(i)},
                          {"min_lsn", 999999},
                          {"deadline_ms", 600000}};
    client.send(request.dump());
  }
}

std::unique_ptr<Client> log_in(std::uint16_t port, const std::string& user,
                               const std::string& password) {
  auto client = std::make_unique<Client>(port);
  must(*client,
       {{"op", "auth"}, {"method", "password"}, {"username", user}, {"password", password}});
  return client;
}

}  // namespace stator::test
