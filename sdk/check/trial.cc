#include "trial.h"

#include "stator/json_reader.hpp"

namespace stator::check {
namespace {

constexpr std::size_t kRequests = 400;
constexpr std::size_t kWrites = 6000;
constexpr std::uint64_t kNames = 100'000;

bool is_json(std::string_view text) {
  json::Reader reader(text);
  std::string_view raw;
  return reader.skip(raw) && reader.at_end();
}

}  // namespace

std::uint64_t seed = 1;

std::vector<const stator_op*> rows() {
  if (original_engine() == nullptr) FakeKernel{&watched_entry};
  const stator_engine_v1& engine = *original_engine();
  return {engine.ops, engine.ops + engine.op_count};
}

std::string text_of(const Made& made, const Answer& answer) {
  return made.op + " " + made.args_json + " -> status " + std::to_string(answer.status) + " " +
         answer.payload + answer.detail;
}

Answer ask(FakeKernel& kernel, const Made& made, std::uint32_t tenant, const char* collection) {
  Answer answer = kernel.call(made.op, made.args_json, collection, tenant);
  if (answer.status == STATOR_E_INTERNAL) broken("answers `internal`: " + text_of(made, answer));
  const bool has_json = answer.status == STATOR_OK && !answer.is_binary && !answer.payload.empty();
  if (has_json && !is_json(answer.payload))
    broken("answers what is no JSON: " + text_of(made, answer));
  return answer;
}

bool same(const Answer& a, const Answer& b) {
  return a.status == b.status && a.payload == b.payload && a.is_binary == b.is_binary;
}

std::vector<Made> requests(std::uint64_t part) {
  return RequestMaker(seed * 1000 + part).make(rows(), kRequests);
}

std::size_t fill(FakeKernel& kernel) {
  std::vector<const stator_op*> writes = rows();
  std::erase_if(writes, [](const stator_op* op) {
    return op->op_class != STATOR_OP_WRITE || op->cost > STATOR_COST_SCAN ||
           (op->flags & STATOR_OP_REMOVES) != 0;
  });
  if (writes.empty()) return 0;
  for (const Made& made : RequestMaker(seed, kNames).make(writes, kWrites)) ask(kernel, made);
  return kernel.dump().size();
}

std::string first_difference(const std::map<std::string, std::string>& before,
                             const std::map<std::string, std::string>& after) {
  for (const auto& [key, value] : before) {
    const auto it = after.find(key);
    if (it == after.end()) return key + " is gone";
    if (it->second != value) return key + " has another value";
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) return key + " is new";
  }
  return "";
}

void expect_same_store(const FakeKernel& kernel, const std::map<std::string, std::string>& before,
                       const std::string& after) {
  const std::string difference = first_difference(before, kernel.dump());
  if (!difference.empty()) broken("the store is another one after " + after + ": " + difference);
}

}  // namespace stator::check
