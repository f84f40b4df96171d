#include "data/host/crash_facts.h"

#include "base/crc32c.h"
#include "base/hash.h"
#include "data/host/call_context.h"
#include "plugin/engine_scope.h"

namespace stator::host {
namespace {

const char* phase_of(const stator_call& call) {
  switch (call.phase) {
    case Phase::kOpen:
      return "open";
    case Phase::kRead:
      return "read";
    case Phase::kPrepare:
      return call.is_work ? "work" : "prepare";
    case Phase::kApply:
      return call.is_replay ? "replay" : "apply";
    case Phase::kMerge:
      return "merge";
    case Phase::kIdle:
      break;
  }
  return "call";
}

// A request for one op; not a batch, nor what nobody asked for.
bool is_request(const bridge::Task* task) {
  return task != nullptr && task->core_op == bridge::CoreOp::kNone &&
         (task->kind == bridge::TaskKind::kExecute || task->kind == bridge::TaskKind::kMerge);
}

}  // namespace

std::uint64_t request_hash(const bridge::Task& task, const plugin::Catalog& catalog) {
  const std::uint64_t args =
      keyed_hash({}, {reinterpret_cast<const char*>(task.args.data()), task.args.size()});
  const std::uint64_t place = keyed_hash({args, task.tenant.value()}, task.collection);
  return keyed_hash({place, 0}, catalog.ops()[task.op].label);
}

void tell_of_call(const InFlight& in_flight, CallFacts& facts) {
  const auto& call = static_cast<const stator_call&>(in_flight);
  // After its prepare a call stands for the request of what is applied.
  if (call.phase != Phase::kIdle) plugin::tell_of_engine(*call.engine, facts);
  facts.phase = phase_of(call);
  facts.has_lane = true;
  facts.lane = call.host->lane.value();
  facts.tenant = call.tenant.value();
  if (call.op != nullptr) facts.op.set(call.op->name);
  if (call.record != nullptr) {
    facts.lsn = call.lsn.value();
    facts.record_type = call.record->type;
  }
  facts.collection.set(call.collection);
  if (call.record != nullptr) facts.record_crc = crc32c(call.record->payload);
  if (!is_request(call.task)) return;
  facts.request_op.set(call.host->catalog->ops()[call.task->op].label);
  const auto digits = hex_digits(request_hash(*call.task, *call.host->catalog));
  facts.request.set({digits.data(), digits.size()});
}

}  // namespace stator::host
