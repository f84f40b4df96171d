#include "fake_kernel.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "stator/filter/compile.hpp"

#include "arg_binder.h"
#include "fake_call.h"
#include "fake_engine.h"
#include "fake_services.h"
#include "fake_state.h"

namespace stator::testkit {

using detail::Call;
using detail::fault;
using detail::InCall;
using detail::Job;
using detail::known_status;
using detail::LaneStore;
using detail::LogRecord;
using detail::NewClaim;
using detail::Phase;
using detail::Prepared;
using detail::refusal;

namespace {

constexpr std::size_t kErrorBytes = 512;
constexpr std::uint32_t kLanesMax = 64;
constexpr std::size_t kCollectionBytesMax = 128;

}  // namespace

void FakeKernel::State::open_lane(std::uint32_t lane) {
  Call call = make_call(Phase::kOpen, lane);
  const stator_open open = {sizeof open,
                            lane,
                            options.lanes,
                            0,
                            {options.config_json.data(), options.config_json.size()},
                            call.handle()};
  char error[kErrorBytes] = {};
  stator_instance* instance = nullptr;
  const stator_status status = [&] {
    const InCall entered(call);
    return engine.row.open(&open, &instance, error, sizeof error);
  }();
  if (std::memchr(error, '\0', sizeof error) == nullptr) fault("open left no NUL in its error");
  if (status != STATOR_OK) throw std::runtime_error(error);
  if (instance == nullptr) fault("open answered STATOR_OK without an instance");
  instances.push_back(instance);
}

void FakeKernel::State::open_all() {
  try {
    for (std::uint32_t lane = 0; lane < options.lanes; ++lane) open_lane(lane);
  } catch (const std::runtime_error&) {
    close_all();
    throw;
  }
}

void FakeKernel::State::close_all() {
  for (stator_instance* instance : instances) engine.row.close(instance);
  instances.clear();
  alarms.all.clear();
}

void FakeKernel::State::apply(std::uint32_t lane, const LogRecord& logged) {
  Call call = make_call(Phase::kApply, lane);
  call.tenant = logged.tenant;
  call.collection = logged.collection;
  const std::string payload = logged.record.payload;  // a copy, so that keeping a pointer shows
  const stator_record record = {
      sizeof record,
      logged.record.type,
      logged.tenant,
      logged.record.vshard,
      {call.collection.data(), call.collection.size()},
      {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()},
      logged.lsn,
      logged.time_ms,
      call.handle()};
  const InCall entered(call);
  const stator_status status = engine.row.apply(instances[lane], &record);
  if (status != STATOR_OK) {
    fault("apply of record type " + std::to_string(record.type) + " at lsn " +
          std::to_string(record.lsn) + " answered " + std::to_string(status));
  }
}

// What counts is who has a key when all of them are done.
const NewClaim* FakeKernel::State::find_violation(const Job& job,
                                                  const std::vector<Prepared*>& together,
                                                  std::string& holder) const {
  std::map<std::pair<std::uint32_t, std::string>, const NewClaim*> takers;
  std::map<std::pair<std::uint32_t, std::string>, std::vector<std::string>> freed;
  for (const Prepared* part : together) {
    for (const NewClaim& claim : part->call->claims) {
      const std::pair key(claim.space, claim.key);
      if (claim.is_free) {
        freed[key].push_back(claim.owner);
        continue;
      }
      const auto [at, is_new] = takers.emplace(key, &claim);
      if (!is_new && at->second->owner != claim.owner) {
        holder = at->second->owner;
        return &claim;
      }
    }
  }
  for (const auto& [key, claim] : takers) {
    const LaneStore& store = stores[lane_of(vshard_of(job.tenant, claim->key))];
    const auto at = store.entries.find(
        detail::key_prefix(job.tenant, job.collection, static_cast<std::uint8_t>(claim->space)) +
        claim->key);
    if (at == store.entries.end() || at->second.value == claim->owner) continue;
    const auto& free = freed[key];
    if (std::find(free.begin(), free.end(), at->second.value) != free.end()) continue;
    holder = at->second.value;
    return claim;
  }
  return nullptr;
}

std::optional<Answer> FakeKernel::State::commit(const Job& job,
                                                const std::vector<Prepared*>& together) {
  std::string holder;
  if (const NewClaim* claim = find_violation(job, together, holder); claim != nullptr) {
    std::string sentence = claim->sentence;
    if (claim->names_owners) sentence += ": " + holder + ", " + claim->owner;
    return refusal(STATOR_E_UNIQUE_VIOLATION, claim->field, sentence);
  }
  const std::size_t first = log.size();
  std::vector<std::uint32_t> lane_of_record;
  for (const Prepared* part : together) {
    for (auto& record : part->call->records) {
      lane_of_record.push_back(part->call->lane);
      log.push_back({log.size() + 1, job.time_ms, job.tenant, std::string(job.collection),
                     std::move(record)});
    }
  }
  for (std::size_t i = first; i < log.size(); ++i) {
    const std::uint32_t vshard = log[i].record.vshard;
    const bool is_every = vshard == STATOR_VSHARD_EVERY;
    for (std::uint32_t lane = 0; lane < options.lanes; ++lane) {
      const bool is_its =
          is_every ? job.is_for_all || lane == lane_of_record[i - first] : lane == lane_of(vshard);
      if (is_its) apply(lane, log[i]);
    }
  }
  const std::uint64_t lsn = log.size() == first ? 0 : first + 1;
  for (const Prepared* part : together) {
    if (part->call->lsn_at) part->call->reply.insert(*part->call->lsn_at, std::to_string(lsn));
  }
  return std::nullopt;
}

std::optional<Answer> FakeKernel::State::bind(const Job& job,
                                              std::optional<std::uint32_t> only_lane,
                                              Block& block) const {
  ArgBinder binder({job.tenant, job.vshard, options.lanes, only_lane});
  if (binder.bind({job.op->args, job.op->arg_count}, job.args_json, block)) return std::nullopt;
  return refusal(STATOR_E_BAD_REQUEST, binder.field(), binder.detail());
}

void FakeKernel::State::prepare_call(const Job& job, Call& call) const {
  call.tenant = job.tenant;
  call.collection = job.collection;
  call.op = job.op;
  call.callee = callee;
  call.callee_context = callee_context;
  call.rows = &rows;
}

stator_request FakeKernel::State::request_of(const Job& job, const AlignedBlock& args, Call& call) {
  return {sizeof(stator_request),
          job.op_index,
          job.tenant,
          args.get()->vshard,
          {call.collection.data(), call.collection.size()},
          args.get(),
          job.time_ms,
          0,
          &interrupt,
          call.handle()};
}

std::optional<Answer> FakeKernel::State::prepare_on_lane(const Job& job, std::uint32_t lane,
                                                         const Block& block, Prepared& out) {
  const bool is_write = job.op->op_class == STATOR_OP_WRITE;
  out.call = std::make_unique<Call>(make_call(is_write ? Phase::kPrepare : Phase::kRead, lane));
  Call& call = *out.call;
  prepare_call(job, call);
  const AlignedBlock args(block);
  const stator_request request = request_of(job, args, call);
  stator_status status = STATOR_OK;
  run_with_pauses(call, [&] {
    const InCall entered(call);
    status = is_write ? engine.row.prepare(instances[lane], &request)
                      : engine.row.read(instances[lane], &request);
  });
  // Nothing that was lent outlives it.
  call.memory.clear();
  call.cursors.clear();
  call.called.clear();
  if (status == STATOR_OK) return std::nullopt;
  std::string_view meaning;
  const stator_status known = known_status(status, meaning);
  return refusal(known, call.field, call.detail.empty() ? std::string(meaning) : call.detail);
}

Answer FakeKernel::State::run_on_lane(const Job& job, std::uint32_t lane, const Block& block) {
  Prepared part;
  if (auto refused = prepare_on_lane(job, lane, block, part)) return *refused;
  if (auto refused = commit(job, {&part})) return *refused;
  return part.answer();
}

// A paused op sees the store as it was when it began, whatever others write meanwhile.
void FakeKernel::State::run_with_pauses(Call& call, const std::function<void()>& body) {
  const bool may_pause = on_pause && (call.op->flags & STATOR_OP_PAUSES) != 0;
  if (!may_pause) return body();
  LaneStore snapshot = *call.store;
  call.store = &snapshot;
  const std::function<bool()> hook = std::exchange(on_pause, nullptr);
  const std::function<bool()> look = [&] {
    interrupt = 0;  // the others'
    const bool must_stop = hook();
    interrupt = STATOR_INTERRUPT_ASK;
    return must_stop;
  };
  call.look = &look;
  interrupt = STATOR_INTERRUPT_ASK;
  body();
  interrupt = 0;
  call.look = nullptr;
  on_pause = hook;  // for the next lane's part
}

// Each lane's part stands alone, as on a server: a refusal of one lane does not undo another's
// write. The first refusal is the answer. Parts that claim something, and those of an op that says
// so, are written together at the end.
Answer FakeKernel::State::run_on_lanes(const Job& job, const Block& whole) {
  const bool is_rows = job.op->placement == STATOR_PLACE_ROWS;
  const bool is_together = (job.op->flags & STATOR_OP_TOGETHER) != 0;
  std::vector<Prepared> parts;
  std::vector<Prepared*> together;
  std::optional<Answer> refused;
  const auto refuse = [&](std::optional<Answer> answer) {
    if (answer && !refused) refused = std::move(answer);
  };
  parts.reserve(options.lanes);
  const auto ask = [&](std::uint32_t lane, const Block& block) {
    parts.emplace_back();
    auto answer = prepare_on_lane(job, lane, block, parts.back());
    if (answer) return refuse(std::move(answer));
    const Call& call = *parts.back().call;
    const bool is_alone = !is_together && !call.is_together && call.claims.empty();
    is_alone ? refuse(commit(job, {&parts.back()})) : together.push_back(&parts.back());
  };
  for (std::uint32_t lane = 0; lane < options.lanes; ++lane) {
    if (!is_rows) {
      ask(lane, whole);
      continue;
    }
    Block block;
    bind(job, lane, block);
    if (detail::row_count(*job.op, block) > 0) ask(lane, block);
  }
  // merge wants a part, so a request without rows is asked of one lane.
  if (parts.empty()) ask(lane_of(job.vshard), whole);
  if (!refused && !together.empty()) refuse(commit(job, together));
  if (refused) return *refused;
  std::vector<Answer> answers;
  for (Prepared& part : parts) answers.push_back(part.answer());
  for (;;) {
    if (std::optional<Answer> answer = merge(job, whole, answers)) return *answer;
    if (wait_for_work()) continue;
    return refusal(STATOR_E_DEADLINE_EXCEEDED, "deadline_ms", "what it waits for is never done");
  }
}

std::optional<Answer> FakeKernel::State::merge(const Job& job, const Block& whole,
                                               const std::vector<Answer>& parts) {
  const std::uint32_t lane = lane_of(job.vshard);
  Call call = make_call(Phase::kMerge, lane);
  prepare_call(job, call);
  std::vector<stator_bytes> lent;
  lent.reserve(parts.size());
  for (const Answer& part : parts) {
    lent.push_back(
        {reinterpret_cast<const std::uint8_t*>(part.payload.data()), part.payload.size()});
  }
  const AlignedBlock args(whole);
  const stator_request request = request_of(job, args, call);
  const InCall entered(call);
  const stator_status status =
      engine.row.merge(instances[lane], &request, lent.data(), lent.size());
  if (call.is_later) return std::nullopt;
  if (status == STATOR_OK) {
    return Answer{STATOR_OK, std::move(call.reply), call.is_binary, {}, {}, std::move(call.more)};
  }
  std::string_view meaning;
  const stator_status known = known_status(status, meaning);
  return refusal(known, call.field, call.detail.empty() ? std::string(meaning) : call.detail);
}

Answer FakeKernel::State::run(const Job& job) {
  Block whole;
  if (auto refused = bind(job, std::nullopt, whole)) return *refused;
  switch (job.op->placement) {
    case STATOR_PLACE_ALL:
    case STATOR_PLACE_ROWS:
      return run_on_lanes(job, whole);
    case STATOR_PLACE_ANY:  // connections live on all lanes, so the lanes take turns
      return run_on_lane(job, static_cast<std::uint32_t>(requests % options.lanes), whole);
    default: {
      const auto* block = reinterpret_cast<const stator_arg_block*>(whole.data());
      return run_on_lane(job, lane_of(block->vshard), whole);
    }
  }
}

FakeKernel::FakeKernel(stator_engine_entry entry, const FakeKernelOptions& options)
    : state_(std::make_unique<State>(entry, options)) {
  if (options.lanes == 0 || options.lanes > kLanesMax) fault("lanes must be 1..64");
  state_->stores.resize(options.lanes);
  state_->time_ms = options.time_ms;
  state_->open_all();
}

FakeKernel::~FakeKernel() { state_->close_all(); }

Answer FakeKernel::call(std::string_view op, std::string_view args_json,
                        std::string_view collection, std::uint32_t tenant) {
  Job job;
  if (!state_->engine.find(op, job.op_index)) {
    return refusal(STATOR_E_UNKNOWN_OP, "op", "unknown op: " + std::string(op));
  }
  if (collection.empty() || collection.size() > kCollectionBytesMax ||
      collection.find('\0') != std::string_view::npos) {
    return refusal(STATOR_E_BAD_REQUEST, "collection",
                   "'collection' must be 1 to 128 bytes without NUL");
  }
  if (args_json.size() > kFrameBytesMax) {
    return refusal(STATOR_E_FRAME_TOO_LARGE, "", "the arguments exceed a frame");
  }
  if (!detail::is_utf8(args_json)) {
    return refusal(STATOR_E_BAD_REQUEST, "", "the arguments are not valid UTF-8");
  }
  job.op = state_->engine.ops[job.op_index];
  job.is_for_all = (job.op->flags & STATOR_OP_TOGETHER) != 0;
  if (state_->rows.is_bound && (job.op->flags & STATOR_OP_ROWS_CHECKED) == 0) {
    return refusal(STATOR_E_REJECTED_AUTHZ, "", "the op does not ask for single rows");
  }
  job.collection = collection;
  job.args_json = args_json;
  job.tenant = tenant;
  job.vshard = vshard_of(tenant, collection);
  job.time_ms = state_->time_ms++;
  ++state_->requests;
  state_->watch.entries = 0;
  state_->watch.rooms = 0;
  state_->watch.was_refused = false;
  Answer answer = state_->run(job);
  state_->watch.interrupt_at = 0;
  state_->watch.refuse_at = 0;
  state_->interrupt = 0;
  state_->on_pause = nullptr;
  return answer;
}

void FakeKernel::set_callee(Callee callee, void* context) {
  state_->callee = callee;
  state_->callee_context = context;
}

void FakeKernel::bind_rows(std::string_view visible, std::string_view writable) {
  detail::BoundRows rows;
  rows.is_bound = true;
  filter::Compiler compiler;
  if (!compiler.compile(visible, rows.visible) || !compiler.compile(writable, rows.writable)) {
    throw std::runtime_error(compiler.error());
  }
  state_->rows = std::move(rows);
}

void FakeKernel::unbind_rows() { state_->rows = {}; }

void FakeKernel::interrupt_next(std::uint64_t after_entries) {
  if (after_entries == 0) state_->interrupt = STATOR_INTERRUPT_STOP;
  state_->watch.interrupt = &state_->interrupt;
  state_->watch.interrupt_at = after_entries;
}

void FakeKernel::refuse_next(std::uint64_t nth) { state_->watch.refuse_at = nth; }

bool FakeKernel::was_refused() const { return state_->watch.was_refused; }

std::uint64_t FakeKernel::entries_asked() const { return state_->watch.entries; }

void FakeKernel::pause_next(std::function<bool()> on_pause) {
  state_->on_pause = std::move(on_pause);
}

std::size_t FakeKernel::run_work() {
  constexpr std::size_t kTurnsMax = 1'000'000;
  std::size_t turns = 0;
  while (state_->work_once()) {
    if (++turns > kTurnsMax) fault("work that always has more to do at the same time");
  }
  return turns;
}

bool FakeKernel::run_work_once() { return state_->work_once(); }

void FakeKernel::set_slice(std::size_t looks) { state_->slice_looks = looks; }

std::uint64_t FakeKernel::time_ms() const { return state_->time_ms; }

void FakeKernel::advance(std::uint64_t ms) { state_->time_ms += ms; }

void FakeKernel::restart() {
  state_->close_all();
  state_->open_all();
}

void FakeKernel::drop_tenant(std::uint32_t tenant) {
  const std::string begin = detail::key_prefix(tenant, {}, 0).substr(0, 4);
  for (std::uint32_t lane = 0; lane < state_->options.lanes; ++lane) {
    const auto forget = state_->engine.row.forget;
    while (forget != nullptr && forget(state_->instances[lane], tenant) != 0) continue;
    std::erase_if(state_->stores[lane].entries,
                  [&](const auto& entry) { return entry.first.starts_with(begin); });
  }
  for (LogRecord& logged : state_->log) logged.is_dropped |= logged.tenant == tenant;
}

void FakeKernel::upgrade(stator_engine_entry entry) {
  state_->close_all();
  state_->engine = detail::load_engine(entry, state_->options.config_json);
  state_->open_all();
}

void FakeKernel::replay(std::uint64_t restart_behind) {
  state_->close_all();
  for (LaneStore& store : state_->stores) store = LaneStore();
  state_->open_all();
  for (const LogRecord& logged : state_->log) {
    if (logged.is_dropped) continue;
    const std::uint32_t vshard = logged.record.vshard;
    for (std::uint32_t lane = 0; lane < state_->options.lanes; ++lane) {
      if (vshard == STATOR_VSHARD_EVERY || state_->lane_of(vshard) == lane) {
        state_->apply(lane, logged);
      }
    }
    if (logged.lsn == restart_behind) restart();
  }
}

std::map<std::string, std::string> FakeKernel::dump() const {
  std::map<std::string, std::string> all;
  for (std::size_t lane = 0; lane < state_->stores.size(); ++lane) {
    for (const auto& [key, entry] : state_->stores[lane].entries) {
      std::string text = detail::key_text(key, entry.vshard);
      const auto [at, is_new] = all.emplace(text, entry.value);
      // What every lane keeps stands here once, unless the lanes disagree.
      if (!is_new && at->second != entry.value) {
        all.emplace(text + " lane=" + std::to_string(lane), entry.value);
      }
    }
  }
  return all;
}

std::uint64_t FakeKernel::last_lsn() const { return state_->log.size(); }

FakeKernel::Prefetches FakeKernel::prefetches() const {
  Prefetches all{};
  for (const LaneStore& store : state_->stores) {
    all.keys += store.keys_ahead;
    all.used += store.gets_ahead;
  }
  return all;
}

}  // namespace stator::testkit
