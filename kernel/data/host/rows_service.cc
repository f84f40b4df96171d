// stator.rows/1: what the row policies that came with the request say of one row.
#include <algorithm>
#include <string>

#include "stator/filter/matches.hpp"
#include "stator/filter/program.hpp"
#include "stator/packed/value.hpp"

#include "base/assert.h"
#include "data/host/call_context.h"

namespace stator::host {
namespace {

constexpr std::size_t kNamesShownMax = 120;

const RowRules* rules_of(const stator_call* call) {
  STATOR_ASSERT(call->task != nullptr);  // in open and apply nobody asks
  return call->task->rows.get();
}

// To a filter a program that is none selects everything; to a policy it is a fault, and denies.
bool is_program(std::string_view bytes) {
  filter::Node root;
  return !bytes.empty() && bytes.front() == filter::kProgramVersion &&
         filter::Nodes(bytes.substr(1)).next(root);
}

bool lets_through(std::string_view program, stator_bytes row) {
  const std::string_view bytes(reinterpret_cast<const char*>(row.data),
                               static_cast<std::size_t>(row.size));
  return is_program(program) && !bytes.empty() &&
         filter::matches(program, packed::read_value(bytes));
}

int is_bound(stator_call* call) { return rules_of(call) != nullptr ? 1 : 0; }

int is_visible(stator_call* call, stator_bytes row) {
  const RowRules* rules = rules_of(call);
  return rules == nullptr || lets_through(rules->visible, row) ? 1 : 0;
}

int may_write(stator_call* call, stator_bytes row) {
  const RowRules* rules = rules_of(call);
  return rules == nullptr || lets_through(rules->writable, row) ? 1 : 0;
}

stator_status refuse(stator_call* call) {
  const RowRules* rules = rules_of(call);
  std::string names = rules == nullptr ? std::string() : rules->names;
  if (names.size() > kNamesShownMax)
    names = names.substr(0, names.rfind(", ", kNamesShownMax)) + ", ...";
  const std::string sentence =
      names.empty()
          ? std::string("no row policy lets you write here")
          : "the row policies do not let you write this, before or after the change: " + names;
  return reply_service().fail(call, STATOR_E_REJECTED_AUTHZ, nullptr, sentence.data(),
                              sentence.size());
}

}  // namespace

const stator_rows_service& rows_service() {
  static const stator_rows_service kService = {sizeof kService, 0,          &is_bound,
                                               &is_visible,     &may_write, &refuse};
  return kService;
}

}  // namespace stator::host
