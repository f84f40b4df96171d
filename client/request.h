// Requests as JSON, from words or from JSON that somebody else wrote.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "catalog.h"

namespace stator::client {

// From the words behind an op's name: first the collection, then the required arguments in their
// order; every other argument as --name VALUE or --name=VALUE. An op of the kernel itself takes the
// collection only where there is one word more than it has required arguments. Throws Failure
// (usage) that names the argument at fault.
std::string build_request(const OpInfo& op, std::span<const std::string> words);

// The object with "payload_format":"json" added where it has no such member. Throws Failure (usage)
// if `object` is not a JSON object.
std::string with_json_payload(std::string_view object);

// "get COLLECTION KEY [--name VALUE]..."
std::string usage_line(const OpInfo& op);

}  // namespace stator::client
