// stator.work/1 as the fake kernel lends it, and all services by name. A fault of the engine's use
// stops the process.
#pragma once

#include <algorithm>
#include <string>

#include "fake_call.h"
#include "fake_kv.h"
#include "fake_services.h"

namespace stator::testkit::detail {

inline void set_alarm(Alarms& alarms, Alarm& alarm, std::uint64_t at_ms) {
  at_ms = std::max(at_ms, alarms.now_ms);
  if (alarm.is_set && alarm.at_ms <= at_ms) return;
  alarm.is_set = true;
  alarm.at_ms = at_ms;
  alarm.turn = ++alarms.turns;
}

inline void work_wake(stator_call* handle, std::uint32_t tenant, stator_str collection,
                      std::uint64_t at_ms) {
  Call& call = of(handle);
  const std::string name(collection.data, static_cast<std::size_t>(collection.size));
  if (!call.has_work) fault("work.wake by an engine that has no work");
  if (call.phase != Phase::kOpen && call.phase != Phase::kApply && !call.is_work) {
    fault("work.wake outside open, apply and work");
  }
  if (name.empty() || name.size() > 128) fault("work.wake: a collection has 1..128 bytes");
  if (call.phase != Phase::kOpen && (tenant != call.tenant || name != call.collection)) {
    fault("work.wake: outside open only for the tenant and collection of the call");
  }
  set_alarm(*call.alarms, call.alarms->all[{call.lane, tenant, name}], at_ms);
}

inline void work_everywhere(stator_call* handle, stator_bytes note) {
  Call& call = of(handle);
  if (!call.is_work || !call.note.empty()) fault("work.everywhere outside work without a note");
  if (!call.everywhere.empty()) fault("work.everywhere twice in one turn");
  if (!call.records.empty()) fault("work.everywhere in a turn that has records");
  if (note.size < 1 || note.size > STATOR_WORK_NOTE_BYTES_MAX) {
    fault("work.everywhere: a note has 1..4096 bytes");
  }
  call.everywhere = view(note);
}

inline stator_status work_later(stator_call* handle) {
  Call& call = of(handle);
  if (call.phase != Phase::kMerge || call.op->op_class != STATOR_OP_WRITE) {
    fault("work.later outside merge of a WRITE op");
  }
  call.is_later = true;
  return STATOR_E_CONFLICT_RETRY;
}

inline const void* find_service(const char* id) {
  static const stator_reply_service reply = {
      sizeof reply,      0,           &reply_reserve, &reply_commit, &reply_lsn_here,
      &reply_set_binary, &reply_fail, &reply_more};
  static const stator_records_service records = {sizeof records, 0, &records_add, &records_claim,
                                                 &records_together};
  static const stator_kv_service kv = {sizeof kv, 0,         &kv_get,       &kv_scan,    &kv_next,
                                       &kv_put,   &kv_erase, &kv_visit_all, &kv_prefetch};
  static const stator_mem_service mem = {sizeof mem, 0, &mem_allocate};
  static const stator_call_service call = {sizeof call, 0, &call_read};
  static const stator_log_service log = {sizeof log, 0, &log_write};
  static const stator_rows_service rows = {
      sizeof rows, 0, &rows_is_bound, &rows_is_visible, &rows_may_write, &rows_refuse};
  static const stator_pause_service pause = {sizeof pause, 0, &pause_look};
  static const stator_work_service work = {sizeof work, 0, &work_wake, &work_everywhere,
                                           &work_later};
  const std::string_view name(id);
  if (name == STATOR_SERVICE_WORK) return &work;
  if (name == STATOR_SERVICE_PAUSE) return &pause;
  if (name == STATOR_SERVICE_REPLY) return &reply;
  if (name == STATOR_SERVICE_RECORDS) return &records;
  if (name == STATOR_SERVICE_KV) return &kv;
  if (name == STATOR_SERVICE_MEM) return &mem;
  if (name == STATOR_SERVICE_CALL) return &call;
  if (name == STATOR_SERVICE_ROWS) return &rows;
  return name == STATOR_SERVICE_LOG ? &log : nullptr;
}

}  // namespace stator::testkit::detail
