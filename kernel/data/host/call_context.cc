#include "data/host/call_context.h"

#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "data/host/crash_facts.h"

stator_call::stator_call() : InFlight(&stator::host::tell_of_call) {}

void stator_call::begin(stator::host::LaneHost& lane_host, stator::host::Phase in,
                        const stator::plugin::Engine& of, stator::TenantId for_tenant,
                        stator::ByteView in_collection) {
  STATOR_DASSERT(phase == stator::host::Phase::kIdle);
  host = &lane_host;
  phase = in;
  engine = &of;
  tenant = for_tenant;
  collection = in_collection;
  depth = 0;
  task = nullptr;
  op = nullptr;
  record = nullptr;
  reply = nullptr;
  reply_is_binary = false;
  lsn_at = -1;
  next_page.clear();
  batch = nullptr;
  claims = nullptr;
  is_together = false;
  is_work = false;
  note = {};
  everywhere.clear();
  is_later = false;
  has_looked = false;
  fetched_count = 0;
  error_field.clear();
  error_sentence.clear();
  prefix_size = stator::store::write_prefix(key.data(), of.number, for_tenant, in_collection);
  enter();
}

void stator_call::end() {
  leave();
  phase = stator::host::Phase::kIdle;
  cursors.clear();
  nested.clear();
  nested_replies.clear();
  arena.reset();
}

namespace stator::host {

const void* find_service(const char* id) {
  const std::string_view name(id);
  if (name == STATOR_SERVICE_REPLY) return &reply_service();
  if (name == STATOR_SERVICE_RECORDS) return &records_service();
  if (name == STATOR_SERVICE_KV) return &kv_service();
  if (name == STATOR_SERVICE_MEM) return &mem_service();
  if (name == STATOR_SERVICE_CALL) return &call_service();
  if (name == STATOR_SERVICE_ROWS) return &rows_service();
  if (name == STATOR_SERVICE_LOG) return &log_service();
  if (name == STATOR_SERVICE_PAUSE) return &pause_service();
  if (name == STATOR_SERVICE_WORK) return &work_service();
  return nullptr;
}

const stator_kernel_hello& kernel_hello() {
  static const stator_kernel_hello kHello = {sizeof(stator_kernel_hello), STATOR_ABI_MAJOR,
                                            STATOR_ABI_MINOR, 0, STATOR_VERSION, &find_service};
  return kHello;
}

}  // namespace stator::host
