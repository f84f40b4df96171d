// stator.call/1: READ ops of other engines, on the same lane, with the caller's rights.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "data/host/call_context.h"
#include "data/host/quarantine.h"

namespace stator::host {
namespace {

bool is_declared(const stator_op& caller, std::string_view name) {
  for (const char* const* at = caller.requires_ops; at != nullptr && *at != nullptr; ++at) {
    if (name == *at) return true;
  }
  return false;
}

// As much as the engine's struct has room for.
void give(stator_call_result& to, stator_call_result result) {
  constexpr std::size_t kHead = sizeof result.struct_size;
  result.struct_size = to.struct_size;
  STATOR_ASSERT(to.struct_size >= kHead);
  std::memcpy(&to, &result, std::min<std::size_t>(to.struct_size, sizeof result));
}

struct Called {
  stator_status status;
  stator_call_result result;
};

// A refusal whose sentence lives as long as the calling op.
Called refuse(stator_call* call, stator_status code, std::string_view sentence) {
  call->nested_replies.push_back(std::make_unique<ByteBuffer>());
  ByteBuffer& kept = *call->nested_replies.back();
  kept.append(sentence);
  return {code, {0, 0, {nullptr, 0}, {kept.data(), kept.size()}}};
}

Called run(stator_call* call, const plugin::Op& op, const bridge::AlignedBuffer& args) {
  const plugin::Engine& engine = call->host->catalog->engine_of(op);
  call->nested.push_back(std::make_unique<stator_call>());
  call->nested_replies.push_back(std::make_unique<ByteBuffer>());
  stator_call& inner = *call->nested.back();
  ByteBuffer& reply = *call->nested_replies.back();
  inner.begin(*call->host, Phase::kRead, engine, call->tenant, call->collection);
  inner.depth = call->depth + 1;
  inner.task = call->task;
  inner.op = op.row;
  inner.vshard = call->vshard;
  inner.reply = &reply;
  inner.snapshot = call->snapshot;
  // An op that does not pause is not asked to.
  static const std::uint32_t kGoOn = 0;
  const bool may_pause = (op.row->flags & STATOR_OP_PAUSES) != 0;
  const bool is_asked = *call->host->interrupt == STATOR_INTERRUPT_ASK;
  const stator_request request = {sizeof request,
                                  op.op_index,
                                  call->tenant.value(),
                                  call->vshard,
                                  {call->collection.data(), call->collection.size()},
                                  reinterpret_cast<const stator_arg_block*>(args.data()),
                                  call->host->time_ms,
                                  call->task->trace_id,
                                  is_asked && !may_pause ? &kGoOn : call->host->interrupt,
                                  &inner};
  const stator_status status = engine.descriptor.read(call->host->instances[op.engine], &request);
  inner.phase = Phase::kIdle;
  inner.leave();
  if (status != STATOR_OK) return refuse(call, status, inner.error_sentence);
  return {STATOR_OK,
          {0,
           inner.reply_is_binary ? 1u : 0u,
           {reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size()},
           {nullptr, 0}}};
}

Called call_op(stator_call* call, stator_str name, stator_str args_json) {
  STATOR_ASSERT(call->task != nullptr);
  const std::string_view op_name(name.data, static_cast<std::size_t>(name.size));
  const plugin::Op* op = call->host->catalog->find(op_name);
  // Work has nobody's rights.
  if (op == nullptr || call->op == nullptr || !is_declared(*call->op, op_name)) {
    return refuse(call, STATOR_E_UNKNOWN_OP, "the op is not in the caller's requires_ops");
  }
  if (op->row->op_class != STATOR_OP_READ) {
    return refuse(call, STATOR_E_UNSUPPORTED, "only read ops can be called");
  }
  // Only ops placed by collection are sure to find their collection's data on this lane.
  const bool is_here = op->row->placement == STATOR_PLACE_ANY ||
                       (op->row->placement == STATOR_PLACE_COLLECTION &&
                        call->op->placement == STATOR_PLACE_COLLECTION);
  if (!is_here) {
    return refuse(call, STATOR_E_CROSS_SHARD, "the op's data may live on another lane");
  }
  if ((call->task->permissions & op->row->permission) == 0) {
    return refuse(call, STATOR_E_REJECTED_AUTHZ, "the identity may not run the called op");
  }
  if (call->task->rows != nullptr && (op->row->flags & STATOR_OP_ROWS_CHECKED) == 0) {
    return refuse(call, STATOR_E_REJECTED_AUTHZ,
                  "row policies bind the identity, and the called op does not ask for rows");
  }
  if (call->depth + 1 > kCallDepthMax) {
    return refuse(call, STATOR_E_RESOURCES_EXHAUSTED, "calls between engines are nested too deeply");
  }
  if (const Quarantine* quarantine = call->host->quarantine) {
    const plugin::Engine& engine = call->host->catalog->engine_of(*op);
    auto checked = quarantine->check_collection(engine.number, call->tenant, call->collection);
    if (!checked.ok()) return refuse(call, STATOR_E_ENGINE_QUARANTINED, checked.error().sentence());
  }
  bridge::AlignedBuffer args;
  auto bound = call->host->binding->bind_args(
      op->index, {args_json.data, static_cast<std::size_t>(args_json.size)}, args);
  if (!bound.ok()) {
    return refuse(call, static_cast<stator_status>(bound.error().code()), bound.error().sentence());
  }
  return run(call, *op, args);
}

stator_status read(stator_call* call, stator_str name, stator_str args_json,
                   stator_call_result* result) {
  const Called called = call_op(call, name, args_json);
  give(*result, called.result);
  return called.status;
}

}  // namespace

const stator_call_service& call_service() {
  static const stator_call_service kService = {sizeof kService, 0, &read};
  return kService;
}

}  // namespace stator::host
