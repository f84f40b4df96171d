// stator.reply/1 and stator.records/1 and stator.mem/1: what an engine says, wants written, and
// borrows during one call.
#include <algorithm>
#include <string>

#include "base/assert.h"
#include "data/host/call_context.h"

namespace stator::host {
namespace {

constexpr std::size_t kFieldBytesMax = 64;
constexpr std::size_t kSentenceBytesMax = 256;

char* reserve(stator_call* call, std::size_t bytes) {
  STATOR_ASSERT(call->reply != nullptr);
  if (bytes > kPayloadBytesMax || call->reply->size() + bytes > kPayloadBytesMax) return nullptr;
  return call->reply->reserve(bytes);
}

void commit(stator_call* call, std::size_t bytes) {
  STATOR_ASSERT(call->reply->size() + bytes <= call->reply->capacity());
  call->reply->commit(bytes);
}

void lsn_here(stator_call* call) {
  STATOR_ASSERT(call->phase == Phase::kPrepare && call->lsn_at < 0);
  call->lsn_at = static_cast<std::int64_t>(call->reply->size());
}

void set_binary(stator_call* call) { call->reply_is_binary = true; }

stator_status fail(stator_call* call, stator_status code, const char* field, const char* sentence,
                   std::size_t sentence_size) {
  call->error_field = field == nullptr ? "" : field;
  call->error_field.resize(std::min(call->error_field.size(), kFieldBytesMax));
  call->error_sentence.assign(sentence, std::min(sentence_size, kSentenceBytesMax));
  return code;
}

stator_status add_record(stator_call* call, std::uint32_t vshard, std::uint32_t type,
                         stator_bytes payload) {
  STATOR_ASSERT(call->phase == Phase::kPrepare && call->batch != nullptr);
  STATOR_ASSERT(type >= 1 && type <= 65535);
  STATOR_ASSERT(vshard < kVShards || vshard == kEveryVShard.value());
  const Status status = call->batch->add({call->engine->number, type, call->tenant, VShardId{vshard},
                                          call->collection,
                                          {reinterpret_cast<const char*>(payload.data),
                                           static_cast<std::size_t>(payload.size)}});
  return status.ok() ? STATOR_OK : STATOR_E_RESOURCES_EXHAUSTED;
}

void* allocate(stator_call* call, std::size_t bytes, std::size_t align) {
  return call->arena.allocate(bytes, align);
}

}  // namespace

const stator_reply_service& reply_service() {
  static const stator_reply_service kService = {sizeof kService, 0,          &reserve, &commit,
                                               &lsn_here,      &set_binary, &fail};
  return kService;
}

const stator_records_service& records_service() {
  static const stator_records_service kService = {sizeof kService, 0, &add_record};
  return kService;
}

const stator_mem_service& mem_service() {
  static const stator_mem_service kService = {sizeof kService, 0, &allocate};
  return kService;
}

}  // namespace stator::host
