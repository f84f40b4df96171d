// The services that the fake kernel lends (stator/services.h). A fault of the engine's use stops
// the process.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "stator/filter/matches.hpp"

#include "block_image.h"
#include "fake_call.h"

namespace stator::testkit::detail {

// Room for an answer on a server: base64 and the envelope must fit a frame.
inline constexpr std::size_t kPayloadBytesMax = 12u * 1024 * 1024 - 4096;
inline constexpr std::size_t kCursorsMax = 16;
inline constexpr std::size_t kFieldBytesMax = 64;
inline constexpr std::size_t kSentenceBytesMax = 256;
inline constexpr std::size_t kClaimOwnerBytesMax = 1024;

inline Call& of(stator_call* handle) {
  if (handle == nullptr) fault("a service was called without a call");
  Call* call = InCall::find(handle);
  if (call == nullptr) {
    fault("a service was called on another thread than the call's, or when the call had returned");
  }
  return *call;
}
inline std::string_view view(stator_bytes b) {
  return {reinterpret_cast<const char*>(b.data), static_cast<std::size_t>(b.size)};
}
inline stator_bytes lend(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
inline bool answers(const Call& call) {
  return call.phase == Phase::kRead || call.phase == Phase::kPrepare || call.phase == Phase::kMerge;
}

inline char* reply_reserve(stator_call* handle, std::uint64_t bytes) {
  Call& call = of(handle);
  if (!answers(call)) fault("stator.reply used outside read, prepare and merge");
  if (bytes > kPayloadBytesMax - std::min(call.reply.size(), kPayloadBytesMax)) return nullptr;
  if (call.phase != Phase::kMerge && call.refuses_room()) return nullptr;
  call.room = std::vector<char>(bytes + 1);
  return call.room.data();
}
inline void reply_commit(stator_call* handle, std::uint64_t bytes) {
  Call& call = of(handle);
  if (call.room.empty() || bytes > call.room.size() - 1) fault("commit of more than was reserved");
  call.reply.append(call.room.data(), bytes);
  call.room.clear();
}
inline void reply_lsn_here(stator_call* handle) {
  Call& call = of(handle);
  if (call.phase != Phase::kPrepare) fault("lsn_here outside prepare");
  if (call.lsn_at) fault("lsn_here twice in one prepare");
  call.lsn_at = call.reply.size();
}
inline void reply_set_binary(stator_call* handle) { of(handle).is_binary = true; }
inline void reply_more(stator_call* handle, stator_str cursor) {
  Call& call = of(handle);
  const bool merges = call.op != nullptr && (call.op->placement == STATOR_PLACE_ALL ||
                                             call.op->placement == STATOR_PLACE_ROWS);
  if (call.phase != (merges ? Phase::kMerge : Phase::kRead)) {
    fault("reply.more outside of what makes the answer: read, or merge where the op has one");
  }
  const auto is_cursor = [](const stator_arg& arg) { return (arg.flags & STATOR_ARG_CURSOR) != 0; };
  if (call.op == nullptr ||
      std::none_of(call.op->args, call.op->args + call.op->arg_count, is_cursor)) {
    fault("reply.more of an op without STATOR_ARG_CURSOR");
  }
  if (cursor.size == 0 || cursor.size > STATOR_CURSOR_BYTES_MAX) {
    fault("reply.more: a cursor of " + std::to_string(cursor.size) +
          " bytes; 1..65536 are allowed");
  }
  call.more.assign(cursor.data, static_cast<std::size_t>(cursor.size));
}
inline stator_status reply_fail(stator_call* handle, stator_status code, const char* field,
                                const char* sentence, std::uint64_t sentence_size) {
  Call& call = of(handle);
  if (!answers(call)) fault("stator.reply used outside read, prepare and merge");
  call.field = std::string(field == nullptr ? "" : field).substr(0, kFieldBytesMax);
  call.detail = std::string(sentence, std::min(sentence_size, kSentenceBytesMax));
  return code;
}

inline stator_status records_add(stator_call* handle, std::uint32_t vshard, std::uint32_t type,
                                 stator_bytes payload) {
  Call& call = of(handle);
  if (call.phase != Phase::kPrepare) fault("records.add outside prepare");
  if (type < 1 || type > 65535) fault("record type " + std::to_string(type) + " is not 1..65535");
  if (!call.everywhere.empty()) fault("records.add behind work.everywhere");
  if (vshard == STATOR_VSHARD_EVERY && call.is_work) {
    if (call.note.empty()) {
      fault("a record for STATOR_VSHARD_EVERY in work of one lane; use work.everywhere");
    }
  } else if (vshard == STATOR_VSHARD_EVERY) {
    if (call.op->placement != STATOR_PLACE_ALL) {
      fault("a record for STATOR_VSHARD_EVERY in '" + std::string(call.op->name) +
            "', which is not placed ALL: the other lanes would see it only at recovery");
    }
  } else if (vshard >= kVShards || vshard % call.lanes != call.lane) {
    fault("a record for vshard " + std::to_string(vshard) + ", which lane " +
          std::to_string(call.lane) + " does not own");
  }
  if (call.refuses_room()) return STATOR_E_RESOURCES_EXHAUSTED;
  call.records.push_back({vshard, type, std::string(view(payload))});
  return STATOR_OK;
}

inline stator_status records_claim(stator_call* handle, const stator_claim* claim) {
  Call& call = of(handle);
  if (call.phase != Phase::kPrepare) fault("records.claim outside prepare");
  if (claim->space < 1 || claim->space > 255) fault("a claim in no kv space");
  if (claim->type < 1 || claim->type > 65535) fault("a claim whose record has no type");
  if (claim->key.size == 0 || claim->key.size > STATOR_KV_KEY_BYTES_MAX) {
    fault("records.claim: a key of " + std::to_string(claim->key.size) +
          " bytes; 1..360 are allowed");
  }
  if (claim->owner.size == 0 || claim->owner.size > kClaimOwnerBytesMax) {
    fault("records.claim: the owner has 1..1024 bytes");
  }
  if (call.refuses_room()) return STATOR_E_RESOURCES_EXHAUSTED;
  const std::string key(view(claim->key));
  const std::string owner(view(claim->owner));
  std::string payload = {static_cast<char>(key.size() & 0xff), static_cast<char>(key.size() >> 8)};
  call.records.push_back({vshard_of(call.tenant, key), claim->type, payload + key + owner});
  call.claims.push_back(
      {(claim->flags & STATOR_CLAIM_FREE) != 0, (claim->flags & STATOR_CLAIM_NAMES_OWNERS) != 0,
       claim->space, key, owner,
       std::string(claim->field == nullptr ? "" : claim->field).substr(0, kFieldBytesMax),
       std::string(claim->sentence.data,
                   std::min<std::size_t>(claim->sentence.size, kSentenceBytesMax))});
  return STATOR_OK;
}

inline void records_together(stator_call* handle) {
  Call& call = of(handle);
  if (call.phase != Phase::kPrepare) fault("records.together outside prepare");
  call.is_together = true;
}

inline void* mem_allocate(stator_call* handle, std::uint64_t bytes, std::uint64_t align) {
  if (align == 0 || (align & (align - 1)) != 0 || align > kBlockAlign) {
    fault("mem.allocate: align must be a power of two up to 64");
  }
  const std::align_val_t aligned{align};
  auto* memory = static_cast<char*>(::operator new(bytes, aligned));
  of(handle).memory.push_back({memory, Call::Free{aligned}});
  return memory;
}

inline stator_status call_read(stator_call* handle, stator_str op, stator_str args_json,
                               stator_call_result* result) {
  Call& call = of(handle);
  if (!answers(call)) fault("stator.call used outside read, prepare and merge");
  const std::string_view name(op.data, static_cast<std::size_t>(op.size));
  bool is_declared = false;
  for (auto at = call.op == nullptr ? nullptr : call.op->requires_ops;
       at != nullptr && *at != nullptr; ++at) {
    is_declared = is_declared || name == *at;
  }
  Answer answer;
  if (!is_declared) {
    answer = {STATOR_E_UNKNOWN_OP, {}, false, {}, "the op is not in the caller's requires_ops"};
  } else if (call.callee == nullptr) {
    answer = {STATOR_E_ENGINE_DISABLED, {}, false, {}, "the test has set no callee"};
  } else {
    answer = call.callee(call.callee_context, name,
                         {args_json.data, static_cast<std::size_t>(args_json.size)});
  }
  call.called.push_back(std::move(answer));
  const Answer& kept = call.called.back();
  const stator_call_result whole = {result->struct_size,
                                    kept.is_binary ? 1u : 0u,
                                    lend(kept.payload),
                                    {kept.detail.data(), kept.detail.size()}};
  if (whole.struct_size < sizeof whole.struct_size) fault("call.read: result has no struct_size");
  std::memcpy(result, &whole, std::min<std::size_t>(whole.struct_size, sizeof whole));
  return kept.status;
}

inline const BoundRows& rows_of(stator_call* handle) {
  const Call& call = of(handle);
  if (call.rows == nullptr) fault("stator.rows used outside read, prepare and merge");
  return *call.rows;
}
inline int lets_through(const BoundRows& rows, const std::string& program, stator_bytes row) {
  return !rows.is_bound || filter::matches(program, packed::read_value(view(row))) ? 1 : 0;
}
inline int rows_is_bound(stator_call* handle) { return rows_of(handle).is_bound ? 1 : 0; }
inline int rows_is_visible(stator_call* handle, stator_bytes row) {
  return lets_through(rows_of(handle), rows_of(handle).visible, row);
}
inline int rows_may_write(stator_call* handle, stator_bytes row) {
  return lets_through(rows_of(handle), rows_of(handle).writable, row);
}
inline stator_status rows_refuse(stator_call* handle) {
  static constexpr std::string_view kSentence = "the row policies do not let you write this";
  rows_of(handle);
  return reply_fail(handle, STATOR_E_REJECTED_AUTHZ, nullptr, kSentence.data(), kSentence.size());
}

inline void log_write(stator_call* handle, int level, stator_str message) {
  if (level < STATOR_LOG_WARN) return;
  std::fprintf(stderr, "%s: %.*s\n", of(handle).engine_id, static_cast<int>(message.size),
               message.data);
}

inline int pause_look(stator_call* handle) {
  const Call& call = of(handle);
  if (call.look == nullptr) fault("stator.pause used where nobody asked for it");
  return (*call.look)() ? 1 : 0;
}

}  // namespace stator::testkit::detail
