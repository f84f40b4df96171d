// Background work of the engine, turn after turn.
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "arg_binder.h"
#include "fake_state.h"

namespace stator::testkit {

using detail::Call;
using detail::Job;
using detail::known_status;
using detail::Phase;
using detail::Prepared;
using detail::refusal;

namespace {

// When a turn of work that was refused is tried again.
constexpr std::uint64_t kWorkRetryMs = 1000;

}  // namespace

std::optional<Answer> FakeKernel::State::work_on(const Job& job, std::uint32_t lane,
                                                 std::string_view note, Prepared& out) {
  static const detail::BoundRows kUnbound;
  out.call = std::make_unique<Call>(make_call(Phase::kPrepare, lane));
  Call& call = *out.call;
  call.tenant = job.tenant;
  call.collection = job.collection;
  call.rows = &kUnbound;
  call.is_work = true;
  call.note = note;
  std::size_t looks = 0;
  const std::function<bool()> look = [&] { return ++looks == slice_looks; };
  call.look = &look;
  interrupt = STATOR_INTERRUPT_ASK;
  Block block;
  ArgBinder({job.tenant, job.vshard, options.lanes, std::nullopt}).bind({}, "{}", block);
  const AlignedBlock args(block);
  stator_request request = request_of(job, args, call);
  request.vshard = lane;
  const detail::Alarm alarm =
      note.empty() ? alarms.all[{lane, job.tenant, call.collection}] : detail::Alarm();
  const stator_work work = {
      sizeof work,
      alarm.refusal,
      {alarm.field.data(), alarm.field.size()},
      {alarm.sentence.data(), alarm.sentence.size()},
      {reinterpret_cast<const std::uint8_t*>(call.note.data()), call.note.size()},
      &request};
  const stator_status status = [&] {
    const detail::InCall entered(call);
    return engine.row.work(instances[lane], &work);
  }();
  interrupt = 0;
  call.memory.clear();
  call.cursors.clear();
  if (status == STATOR_OK) return std::nullopt;
  std::string_view meaning;
  const stator_status known = known_status(status, meaning);
  return refusal(known, call.field, call.detail.empty() ? std::string(meaning) : call.detail);
}

std::optional<Answer> FakeKernel::State::work_everywhere(const Job& job, const std::string& note) {
  std::vector<Prepared> parts(options.lanes);
  std::vector<Prepared*> together;
  for (std::uint32_t lane = 0; lane < options.lanes; ++lane) {
    if (auto refused = work_on(job, lane, note, parts[lane])) return refused;
    together.push_back(&parts[lane]);
  }
  return commit(job, together);
}

bool FakeKernel::State::work_once() {
  alarms.now_ms = time_ms;
  auto first = alarms.all.end();
  for (auto at = alarms.all.begin(); at != alarms.all.end(); ++at) {
    const detail::Alarm& alarm = at->second;
    if (!alarm.is_set || alarm.at_ms > time_ms) continue;
    const bool is_before =
        first == alarms.all.end() ||
        std::pair(alarm.at_ms, alarm.turn) < std::pair(first->second.at_ms, first->second.turn);
    if (is_before) first = at;
  }
  if (first == alarms.all.end()) return false;
  const auto key = first->first;
  const auto& [lane, tenant, collection] = key;
  first->second.is_set = false;
  const stator_status before = first->second.refusal;
  Job job;
  job.op_index = STATOR_OP_INDEX_WORK;
  job.tenant = tenant;
  job.collection = collection;
  job.vshard = vshard_of(tenant, collection);
  job.time_ms = time_ms;
  Prepared part;
  std::optional<Answer> refused = work_on(job, lane, {}, part);
  if (!refused && part.call->everywhere.empty()) {
    refused = commit(job, {&part});
  } else if (!refused) {
    job.is_for_all = true;
    refused = work_everywhere(job, part.call->everywhere);
  }
  detail::Alarm& alarm = alarms.all[key];
  alarm.refusal = refused ? refused->status : STATOR_OK;
  alarm.field = refused ? refused->field : "";
  alarm.sentence = refused ? refused->detail : "";
  if (!refused) return true;
  const bool is_news = refused->status != STATOR_E_CONFLICT_RETRY && before == STATOR_OK;
  detail::set_alarm(alarms, alarm, is_news ? 0 : time_ms + kWorkRetryMs);
  return true;
}

// Only a retry is waited for: what is to come much later is not what a request waits for.
bool FakeKernel::State::wait_for_work() {
  if (work_once()) return true;
  for (const auto& [place, alarm] : alarms.all) {
    if (!alarm.is_set || alarm.at_ms > time_ms + kWorkRetryMs) continue;
    time_ms = alarm.at_ms;
    return true;
  }
  return false;
}

}  // namespace stator::testkit
