// stator.work/1: when an engine has work to do, and where it asks for more than a turn on its lane.
#include "base/assert.h"
#include "data/host/call_context.h"

namespace stator::host {
namespace {

// Of the call's engine among the catalog's.
std::uint32_t engine_index(const stator_call* call) {
  const auto& engines = call->host->catalog->engines();
  std::uint32_t index = 0;
  while (engines[index].get() != call->engine) ++index;
  return index;
}

void wake(stator_call* call, std::uint32_t tenant, stator_str collection, std::uint64_t at_ms) {
  STATOR_ASSERT(call->phase == Phase::kOpen || call->phase == Phase::kApply || call->is_work);
  STATOR_ASSERT(call->engine->descriptor.work != nullptr);
  const ByteView name(collection.data, collection.size);
  STATOR_ASSERT(!name.empty() && name.size() <= kCollectionBytesMax);
  STATOR_ASSERT(call->phase == Phase::kOpen ||
                (tenant == call->tenant.value() && name == call->collection));
  const io::Uncounted kernels;
  call->host->alarms->wake(engine_index(call), TenantId{tenant}, name, at_ms);
}

void everywhere(stator_call* call, stator_bytes note) {
  STATOR_ASSERT(call->is_work && call->note.empty() && call->everywhere.empty());
  STATOR_ASSERT(note.size >= 1 && note.size <= STATOR_WORK_NOTE_BYTES_MAX);
  STATOR_ASSERT(call->batch->count() == 0);
  call->everywhere.assign(reinterpret_cast<const char*>(note.data), note.size);
}

stator_status later(stator_call* call) {
  STATOR_ASSERT(call->phase == Phase::kMerge && call->op->op_class == STATOR_OP_WRITE);
  call->is_later = true;
  return STATOR_E_CONFLICT_RETRY;  // nobody sees it
}

}  // namespace

const stator_work_service& work_service() {
  static const stator_work_service kService = {sizeof kService, 0, &wake, &everywhere, &later};
  return kService;
}

}  // namespace stator::host
