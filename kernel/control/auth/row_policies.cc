#include "control/auth/row_policies.h"

#include <algorithm>
#include <string>

#include "stator/filter/program.hpp"

#include "base/bytes.h"
#include "base/limits.h"

namespace stator::auth {
namespace {

using system::RowPolicy;

void append_node(std::string& to, filter::Op op, std::string_view body) {
  to.push_back(static_cast<char>(op));
  append_little(to, static_cast<std::uint32_t>(body.size()));
  to.append(body);
}

std::string program_of(filter::Op op, std::string_view body) {
  std::string program(1, filter::kProgramVersion);
  append_node(program, op, body);
  return program;
}

// One of none holds for nothing.
std::string nothing() { return program_of(filter::Op::kOr, {}); }

bool is_about(const RowPolicy& policy, const system::AuthValues& who) {
  return policy.roles.empty() ||
         std::any_of(policy.roles.begin(), policy.roles.end(),
                     [&](const std::string& role) { return who.roles.count(role) != 0; });
}

bool is_known(std::string_view word, std::span<const char* const> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// `action`: read or write.
std::string combine(std::span<const RowPolicy* const> policies, const system::AuthValues& who,
                    std::string_view action) {
  std::string permissive;
  std::string restrictive;
  for (const RowPolicy* policy : policies) {
    if (!is_known(policy->mode, system::kRowPolicyModes) ||
        !is_known(policy->action, system::kRowPolicyActions)) {
      return nothing();
    }
    if ((policy->action != "all" && policy->action != action) || !is_about(*policy, who)) continue;
    std::string program;
    std::string error;
    if (!system::compile_row_predicate(policy->where, who, program, error)) return nothing();
    (policy->mode == "permissive" ? permissive : restrictive).append(program, 1);
  }
  std::string all;
  append_node(all, filter::Op::kOr, permissive);
  all += restrictive;
  return all.size() > kRowProgramBytesMax ? nothing() : program_of(filter::Op::kAnd, all);
}

std::string names_of_writes(std::span<const RowPolicy* const> policies,
                            const system::AuthValues& who) {
  std::string names;
  for (const RowPolicy* policy : policies) {
    if (policy->action == "read" || !is_about(*policy, who)) continue;
    names += (names.empty() ? "'" : ", '") + policy->name + "'";
  }
  return names;
}

}  // namespace

RowRules compile_row_rules(std::span<const RowPolicy* const> policies,
                           const system::AuthValues& who) {
  return {combine(policies, who, "read"), combine(policies, who, "write"),
          names_of_writes(policies, who)};
}

}  // namespace stator::auth
