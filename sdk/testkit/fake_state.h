// The fake kernel's inside: engine, stores, log and what runs on them. fake_kernel.cc carries
// requests out, fake_work.cc the engine's background work.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "block_image.h"
#include "fake_call.h"
#include "fake_engine.h"
#include "fake_kernel.h"

namespace stator::testkit {
namespace detail {

struct LogRecord {
  std::uint64_t lsn;
  std::uint64_t time_ms;
  std::uint32_t tenant;
  std::string collection;
  NewRecord record;
  bool is_dropped = false;  // of a tenant that was dropped since
};

inline Answer refusal(stator_status status, std::string field, std::string sentence) {
  return {status, {}, false, std::move(field), std::move(sentence)};
}

// A number that errors.def does not have is answered as internal, and a refusal without a sentence
// gets the table's.
inline stator_status known_status(stator_status status, std::string_view& meaning) {
  switch (status) {
#define STATOR_ERROR(kernel_name, suffix, number, wire, error_class, http, sentence) \
  case number:                                                                       \
    meaning = sentence;                                                              \
    return status;
#include "stator/errors.def"
#undef STATOR_ERROR
    default:
      meaning = "the engine answered an unknown status";
      return STATOR_E_INTERNAL;
  }
}

// A part of a request, or all of it, on one lane.
struct Prepared {
  std::unique_ptr<Call> call;
  Answer answer() {
    return {STATOR_OK, std::move(call->reply), call->is_binary, {}, {}, std::move(call->more)};
  }
};

// One request on its way through the lanes.
struct Job {
  std::uint32_t op_index = 0;
  const stator_op* op = nullptr;
  std::string_view collection;
  std::string_view args_json;
  std::uint32_t tenant = 0;
  std::uint32_t vshard = 0;
  std::uint64_t time_ms = 0;
  bool is_for_all = false;  // its records of STATOR_VSHARD_EVERY are applied by all lanes at once
};

}  // namespace detail

struct FakeKernel::State {
  detail::FakeEngine engine;
  FakeKernelOptions options;
  std::vector<detail::LaneStore> stores;
  std::vector<stator_instance*> instances;
  std::vector<detail::LogRecord> log;
  std::uint64_t time_ms = 0;
  std::uint64_t requests = 0;
  std::uint32_t interrupt = 0;
  std::function<bool()> on_pause;  // of the next call
  Callee callee = nullptr;
  void* callee_context = nullptr;
  detail::BoundRows rows;
  detail::Watch watch;  // of the last call, or of the next before it
  detail::Alarms alarms;
  std::size_t slice_looks = 0;

  State(stator_engine_entry entry, const FakeKernelOptions& given)
      : engine(detail::load_engine(entry, given.config_json)), options(given) {}

  // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): the constructor of FakeKernel refuses 0 lanes
  std::uint32_t lane_of(std::uint32_t vshard) const { return vshard % options.lanes; }
  detail::Call make_call(detail::Phase phase, std::uint32_t lane) {
    detail::Call call;
    call.phase = phase;
    call.lane = lane;
    call.lanes = options.lanes;
    call.store = &stores[lane];
    call.watch = &watch;
    call.engine_id = engine.row.id;
    call.has_work = engine.row.work != nullptr;
    call.alarms = &alarms;
    return call;
  }

  void open_all();
  void close_all();
  void open_lane(std::uint32_t lane);
  void apply(std::uint32_t lane, const detail::LogRecord& logged);
  // Checks what they claim, gives their records LSNs and applies them: all, or none and a refusal.
  std::optional<Answer> commit(const detail::Job& job,
                               const std::vector<detail::Prepared*>& together);
  // Null, or the claim that cannot be kept and who has its key.
  const detail::NewClaim* find_violation(const detail::Job& job,
                                         const std::vector<detail::Prepared*>& together,
                                         std::string& holder) const;
  std::optional<Answer> prepare_on_lane(const detail::Job& job, std::uint32_t lane,
                                        const Block& block, detail::Prepared& out);
  std::optional<Answer> bind(const detail::Job& job, std::optional<std::uint32_t> only_lane,
                             Block& block) const;
  Answer run_on_lane(const detail::Job& job, std::uint32_t lane, const Block& block);
  // Runs `body` for a call that may be paused; `look` is what it does there.
  void run_with_pauses(detail::Call& call, const std::function<void()>& body);
  Answer run_on_lanes(const detail::Job& job, const Block& whole);
  // Empty: not yet.
  std::optional<Answer> merge(const detail::Job& job, const Block& whole,
                              const std::vector<Answer>& parts);
  Answer run(const detail::Job& job);
  // The work that is due first, over all lanes; false: none is.
  bool work_once();
  std::optional<Answer> work_on(const detail::Job& job, std::uint32_t lane, std::string_view note,
                                detail::Prepared& out);
  std::optional<Answer> work_everywhere(const detail::Job& job, const std::string& note);
  // Lets work go on for a request that waits for it; false: there is none.
  bool wait_for_work();
  stator_request request_of(const detail::Job& job, const AlignedBlock& args, detail::Call& call);
  void prepare_call(const detail::Job& job, detail::Call& call) const;
};

}  // namespace stator::testkit
