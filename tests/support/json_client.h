// Requests and answers as JSON, over a Client.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "support/client.h"

namespace stator::test {

// The answer, with its payload as JSON.
nlohmann::json ask(Client& client, nlohmann::json request);
// The payload, null if there is none; an answer that is not ok is a failure of the test.
nlohmann::json must(Client& client, const nlohmann::json& request);
// Sends so many reads that wait for a far LSN, in the lanes that own the documents, ten minutes
// long.
void wait_for_lsn(Client& client, std::uint64_t requests);
// A client that is that user; being refused is a failure of the test.
std::unique_ptr<Client> log_in(std::uint16_t port, const std::string& user,
                               const std::string& password = "correct horse");

}  // namespace stator::test
