// stator.reply/1 and stator.records/1 and stator.mem/1: what an engine says, wants written, and
// borrows during one call.
#include <algorithm>
#include <string>

#include "base/assert.h"
#include "bridge/claim.h"
#include "data/host/call_context.h"
#include "plugin/crossing.h"

namespace stator::host {
namespace {

constexpr std::size_t kFieldBytesMax = 64;
constexpr std::size_t kSentenceBytesMax = 256;

char* reserve(stator_call* call, std::uint64_t bytes) {
  STATOR_ASSERT(call->reply != nullptr);
  if (bytes > kPayloadBytesMax || call->reply->size() + bytes > kPayloadBytesMax) return nullptr;
  return call->reply->reserve(bytes);
}

void commit(stator_call* call, std::uint64_t bytes) {
  STATOR_ASSERT(call->reply->size() + bytes <= call->reply->capacity());
  call->reply->commit(bytes);
}

void lsn_here(stator_call* call) {
  STATOR_ASSERT(call->phase == Phase::kPrepare && call->lsn_at < 0);
  call->lsn_at = static_cast<std::int64_t>(call->reply->size());
}

void set_binary(stator_call* call) { call->reply_is_binary = true; }

stator_status fail(stator_call* call, stator_status code, const char* field, const char* sentence,
                   std::uint64_t sentence_size) {
  call->error_field = field == nullptr ? "" : field;
  call->error_field.resize(std::min(call->error_field.size(), kFieldBytesMax));
  call->error_sentence.assign(sentence, std::min<std::size_t>(sentence_size, kSentenceBytesMax));
  return code;
}

// A lane's part, and what another engine's op asks for, are no answer of the client's: it is
// dropped there.
void more(stator_call* call, stator_str cursor) {
  STATOR_ASSERT(call->phase == Phase::kRead || call->phase == Phase::kMerge);
  STATOR_ASSERT(cursor.size >= 1 && cursor.size <= kPageCursorBytesMax);
  call->next_page.assign(cursor.data, static_cast<std::size_t>(cursor.size));
}

stator_status add_record(stator_call* call, std::uint32_t vshard, std::uint32_t type,
                         stator_bytes payload) {
  STATOR_ASSERT(call->phase == Phase::kPrepare && call->batch != nullptr);
  STATOR_ASSERT(type >= 1 && type <= 65535);
  STATOR_ASSERT(vshard < kVShards || vshard == kEveryVShard.value());
  // Of one lane's turn of work the others know nothing.
  STATOR_ASSERT(!call->is_work || !call->note.empty() || vshard != kEveryVShard.value());
  STATOR_ASSERT(call->everywhere.empty());
  const Status status = call->batch->add({call->engine->number, type, call->tenant, VShardId{vshard},
                                          call->collection,
                                          {reinterpret_cast<const char*>(payload.data),
                                           static_cast<std::size_t>(payload.size)}});
  return status.ok() ? STATOR_OK : STATOR_E_RESOURCES_EXHAUSTED;
}

ByteView view(stator_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

constexpr std::uint32_t kClaimFlags = STATOR_CLAIM_FREE | STATOR_CLAIM_NAMES_OWNERS;

stator_status add_claim(stator_call* call, const stator_claim* claim) {
  STATOR_ASSERT(call->phase == Phase::kPrepare && call->claims != nullptr);
  STATOR_ASSERT(claim->struct_size >= plugin::kFirstBytes<stator_claim>);
  if (plugin::says_more(*claim) || (claim->flags & ~kClaimFlags) != 0) return STATOR_E_UNSUPPORTED;
  STATOR_ASSERT(claim->space >= 1 && claim->space <= 255);
  STATOR_ASSERT(claim->key.size >= 1 && claim->key.size <= STATOR_KV_KEY_BYTES_MAX);
  STATOR_ASSERT(claim->owner.size >= 1 && claim->owner.size <= kClaimOwnerBytesMax);
  const ByteView key = view(claim->key);
  const ByteView owner = view(claim->owner);
  const VShardId vshard = call->host->vshards->of(call->tenant, key);
  std::string payload;
  append_little(payload, static_cast<std::uint16_t>(key.size()));
  payload.append(key).append(owner);
  const auto status =
      add_record(call, vshard.value(), claim->type,
                 {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
  if (status != STATOR_OK) return status;
  bridge::append_claim(
      *call->claims,
      {.is_free = (claim->flags & STATOR_CLAIM_FREE) != 0,
       .names_owners = (claim->flags & STATOR_CLAIM_NAMES_OWNERS) != 0,
       .space = static_cast<std::uint8_t>(claim->space),
       .vshard = vshard,
       .item = call->task->item,
       .engine = call->engine->number,
       .tenant = call->tenant,
       .collection = call->collection,
       .key = key,
       .owner = owner,
       .field = ByteView(claim->field == nullptr ? "" : claim->field).substr(0, kFieldBytesMax),
       .sentence = ByteView(claim->sentence.data,
                            std::min<std::size_t>(claim->sentence.size, kSentenceBytesMax))});
  return STATOR_OK;
}

void together(stator_call* call) { call->is_together = true; }

void* allocate(stator_call* call, std::uint64_t bytes, std::uint64_t align) {
  return call->arena.allocate(bytes, align);
}

}  // namespace

const stator_reply_service& reply_service() {
  static const stator_reply_service kService = {sizeof kService, 0,           &reserve, &commit,
                                                &lsn_here,       &set_binary, &fail,    &more};
  return kService;
}

const stator_records_service& records_service() {
  static const stator_records_service kService = {sizeof kService, 0, &add_record, &add_claim,
                                                  &together};
  return kService;
}

const stator_mem_service& mem_service() {
  static const stator_mem_service kService = {sizeof kService, 0, &allocate};
  return kService;
}

}  // namespace stator::host
