// The predicate of a row policy: a filter (stator/filter/compile.hpp) in which these values stand
// for the one who asks:
//
//   "$auth.username"    the user's name, a string
//   "$auth.tenant_id"   the tenant, a number
//   "$auth.roles"       the user's roles, those that they inherit among them: an array, for in and
//   nin
//
// Only a whole string stands for something; every other text that begins with "$auth" is refused,
// also as a path, and so are they all in like and ilike, where a name would be read as a pattern.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace stator::system {

struct AuthValues {
  std::string_view username;
  std::uint32_t tenant = 0;
  const std::set<std::string>& roles;
};

// Appends the program (stator/filter/program.hpp) to `out`. False with a sentence in `error`; `out`
// is then as long as before.
bool compile_row_predicate(std::string_view where, const AuthValues& values, std::string& out,
                           std::string& error);

}  // namespace stator::system
