// Whether an engine's descriptor and op rows keep the contract (stator/engine.h, stator/op.h): the
// same rules in the server, in the test kit and in stator-plugin-check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "stator/engine.h"

namespace stator::library {

inline constexpr std::uint64_t kOpsMax = 1024;  // of one engine
inline constexpr std::uint64_t kArgsMax = 64;   // of one op, or of its rows: one bit each in a mask
inline constexpr std::uint64_t kConfigKeysMax = 256;  // of one engine
inline constexpr std::uint64_t kSpacesMax = 256;      // of kv, of one engine

// What the kernel calls the argument that it gives each op with STATOR_ARG_CURSOR.
inline constexpr std::string_view kStreamArg = "stream";

// These return a sentence that names the row and the rule; empty: it keeps them. What a pointer
// leads to is taken for what it should be, where it is not NULL. Rows and configuration keys are
// not looked at by the first, which says how many there are.
std::string check_engine(const stator_engine_v1& engine);
std::string check_config_key(const stator_engine_v1& engine, const stator_config_key& key);
std::string check_op(const stator_engine_v1& engine, const stator_op& op);

// Whether `name` is a field that every request shares; engines cannot have an argument so named.
bool is_shared_field(std::string_view name);

}  // namespace stator::library
