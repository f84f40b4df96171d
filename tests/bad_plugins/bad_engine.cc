// An engine that is right but for what BREAKS_... says; stator-plugin-check must catch each, and
// pass the one that breaks nothing. Totals by name, as in the template.
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "stator/engine.hpp"

namespace {

using namespace stator;

#if defined(BREAKS_KEEPS_MEMORY) || defined(BREAKS_LEAKS_INSTANCES)
std::vector<std::string> kept;
#endif

#ifdef BREAKS_ABORTS_WHEN_LOADED
[[gnu::constructor]] void loaded() { std::abort(); }
#endif
#ifdef BREAKS_EXITS_WHEN_LOADED
[[gnu::constructor]] void loaded() { std::exit(0); }
#endif

struct BadEngine {
  static EngineDescription<BadEngine> describe();
  static std::unique_ptr<BadEngine> open([[maybe_unused]] const Open& open) {
    auto engine = std::make_unique<BadEngine>();
#ifdef BREAKS_LEAKS_INSTANCES
    kept.emplace_back(10'000, 'x');
#endif
#ifndef BREAKS_FORGETS_WHAT_IT_HELD
    open.visit_all(0, [&](const StoredEntry& entry) {
      ++engine->entries[key_of(entry.tenant, entry.collection)];
    });
#endif
    return engine;
  }
  void apply(const Record& record, KvWriter& kv);
  static std::string key_of(std::uint32_t tenant, std::string_view collection) {
    return std::to_string(tenant).append("/").append(collection);
  }
#if defined(BREAKS_WORK_NEVER_ENDS) || defined(BREAKS_WORK_IS_FORGOTTEN) || \
    defined(BREAKS_WORK_OF_ONE_LANE_FOR_ALL)
  Status work(const Work& work, Records& records, Reply&) const {
#ifdef BREAKS_WORK_NEVER_ENDS
    work.wake();
#endif
#ifdef BREAKS_WORK_OF_ONE_LANE_FOR_ALL
    records.add(STATOR_VSHARD_EVERY, 1, std::string(8, '1') + "all");
#else
    Cursor cursor = work.kv().scan(0);
    if (cursor.next() && cursor.key() != "worked")
      records.add(cursor.vshard(), 1, std::string(8, '1') + "worked");
#endif
    return STATOR_OK;
  }
#define HAS_WORK
#endif
  std::uint64_t count(const Request& request) const {
    const auto it = entries.find(key_of(request.tenant(), request.collection()));
    return it == entries.end() ? 0 : it->second;
  }
  std::map<std::string, std::uint64_t> entries;  // how many a collection has
#ifdef BREAKS_WRITES_BEHIND
  std::string last_where, last_name, kept_back;
  std::uint32_t last_vshard = 0;
#endif
};

// What these say is not done.
#ifdef BREAKS_LEAKS_ROWS
constexpr std::uint32_t kReadFlags = STATOR_OP_ROWS_CHECKED;
#else
constexpr std::uint32_t kReadFlags = 0;
#endif
#ifdef BREAKS_WRITES_HIDDEN_ROWS
constexpr std::uint32_t kWriteFlags = STATOR_OP_ROWS_CHECKED;
#else
constexpr std::uint32_t kWriteFlags = 0;
#endif
#ifdef BREAKS_LYING_COST
constexpr std::uint32_t kSumCost = STATOR_COST_POINT;
#else
constexpr std::uint32_t kSumCost = STATOR_COST_SCAN;
#endif

#ifdef BREAKS_TENANT_LEAK
std::map<std::string, std::uint64_t> all_totals;
#endif

void BadEngine::apply(const Record& record, KvWriter& kv) {
  const std::string_view payload = record.payload();
  std::string value(payload.substr(0, 8));
#ifdef BREAKS_FORMAT
  const std::string name = "v2." + std::string(payload.substr(8));
#else
  const std::string_view name = payload.substr(8);
#endif
#ifdef BREAKS_WORK_IS_FORGOTTEN
  // As if open() had nothing to say: the time is far, a restart comes before.
  if (name != "worked") record.wake(record.time_ms() + 1'000'000);
#elif defined(HAS_WORK)
  record.wake();
#endif
  std::string_view stored;
  if (!kv.get(0, name, stored)) ++entries[key_of(record.tenant(), record.collection())];
#ifdef BREAKS_CLOCK_IN_APPLY
  value += std::to_string(std::time(nullptr));
#endif
#ifdef BREAKS_RANDOM_IN_APPLY
  value += std::to_string(std::rand());
#endif
#ifdef BREAKS_ADDRESS_IN_APPLY
  value += std::to_string(reinterpret_cast<std::uintptr_t>(new char));
#endif
#ifdef BREAKS_MEMORY_IN_APPLY
  static std::uint64_t calls = 0;  // of the process: goes on at a replay
  value += std::to_string(++calls);
#endif
#ifdef BREAKS_ABORTS_IN_APPLY
  if (name == "b") std::abort();
#endif
#ifdef BREAKS_TENANT_LEAK
  std::memcpy(&all_totals[std::string(name)], value.data(), 8);
#endif
#ifdef BREAKS_FOREIGN_KEY
  value.assign(8, '\1');
  kv.put(0, (record.vshard() + 1) % 1024, name, value);
#else
#ifdef BREAKS_WRITES_BEHIND
  // Of two writes in a row of one name the second is kept back until another name comes.
  const std::string where = key_of(record.tenant(), record.collection());
  if (last_where == where && last_name == name) {
    kept_back = value;
    return;
  }
  if (last_where == where && !kept_back.empty()) kv.put(0, last_vshard, last_name, kept_back);
  last_where = where;
  last_name = name;
  last_vshard = record.vshard();
  kept_back.clear();
#endif
  kv.put(0, record.vshard(), name, value);
#endif
}

std::uint64_t total(const Request& request) {
#ifdef BREAKS_TENANT_LEAK
  return all_totals[std::string(request.args().str(0))];
#endif
  std::string_view stored;
  std::uint64_t value = 0;
#ifdef BREAKS_FORMAT
  const std::string name = "v2." + std::string(request.args().str(0));  // apply writes it so, too
#else
  const std::string_view name = request.args().str(0);
#endif
  if (request.kv().get(0, name, stored)) std::memcpy(&value, stored.data(), 8);
  return value;
}

constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "name", "Which.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 64}),
    make_arg(STATOR_ARG_U64, "by", "How much.", {.max = 1000, .default_json = "1"})};

const Op<BadEngine> kAdd = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                            .permission = STATOR_PERM_WRITE,
                                            .placement = STATOR_PLACE_DOCUMENT,
                                            .name = "bad_add",
                                            .doc = "Adds.",
                                            .result = "{}",
#ifdef BREAKS_EXAMPLE
                                            .example = R"({"op":"bad_add","name":7})",
#else
                                            .example = R"({"op":"bad_add","name":"a"})",
#endif
                                            .args = kArgs,
                                            .flags = kWriteFlags}),
                            .prepare = [](const BadEngine&, const Request& request,
                                          Records& records, Reply& reply) -> Status {
                              const std::uint64_t sum = total(request) + request.args().u64(1);
                              std::string record(reinterpret_cast<const char*>(&sum), 8);
                              record.append(request.args().str(0));
#ifdef BREAKS_IGNORES_REFUSALS
                              stator::detail::services.records->add(
                                  request.raw_call(), request.vshard(), 1, as_bytes(record));
#else
                              records.add(request.vshard(), 1, record);
#endif
                              reply.json().begin_object().field("total", sum).end_object();
#ifdef BREAKS_RECORDS_THEN_REFUSES
                              if (sum % 2 == 1)
                                return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "by", "odd");
#endif
                              return STATOR_OK;
                            }};

const Op<BadEngine> kGet = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "bad_get",
                    .doc = "Reads.",
                    .result = "{}",
                    .example = R"({"op":"bad_get","name":"a"})",
                    .args = std::span(kArgs).first(1),
                    .flags = kReadFlags}),
    .read = [](const BadEngine& engine, const Request& request, Reply& reply) -> Status {
#ifdef BREAKS_PUT_IN_READ
      stator::detail::services.kv->put(request.raw_call(), 0, request.vshard(), as_bytes("x"),
                                       as_bytes("y"));
#endif
#ifdef BREAKS_THROWS_A_NUMBER
      if (request.args().str(0) != "nobody") throw 42;
#endif
#ifdef BREAKS_OWN_MAPPING
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#endif
#ifdef BREAKS_OWN_SIGNAL
      struct sigaction action {};
      sigaction(SIGUSR1, &action, nullptr);
#endif
#ifdef BREAKS_CHANGES_FOLDER
      if (chdir("/") != 0) return STATOR_E_STORAGE;
#endif
#ifdef BREAKS_KEEPS_FILES
      open("/dev/null", O_RDONLY | O_CLOEXEC);
#endif
#ifdef BREAKS_EXITS
      std::exit(0);
#endif
#ifdef BREAKS_NO_JSON
      reply.json().raw("{'total':1}");
      return STATOR_OK;
#endif
#ifdef BREAKS_HALF_AN_ANSWER
      reply.json().begin_object().key("total");
      return STATOR_OK;
#endif
#ifdef BREAKS_UNKNOWN_STATUS
      return 4242;
#endif
#ifdef BREAKS_OWN_THREAD
      std::thread([] {}).join();
#endif
#ifdef BREAKS_KEEPS_MEMORY
      kept.emplace_back(1000, 'x');
#endif
#ifdef BREAKS_KEEPS_CALL
      static stator_call* const first = request.raw_call();
      std::string_view nothing;
      Kv(first).get(0, "a", nothing);
#endif
#ifdef BREAKS_READ_CHANGES_ITSELF
      const_cast<BadEngine&>(engine)
          .entries[BadEngine::key_of(request.tenant(), request.collection())] += 1;
#endif
      reply.json()
          .begin_object()
          .field("total", total(request))
          .field("entries", engine.count(request))
          .end_object();
      return STATOR_OK;
    }};

// What this lane has.
const Op<BadEngine> kSum = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .cost = kSumCost,
                    .name = "bad_sum",
                    .doc = "Adds up.",
                    .result = "{}",
                    .example = R"({"op":"bad_sum"})"}),
    .read = [](const BadEngine&, const Request& request, Reply& reply) -> Status {
      std::uint64_t sum = 0;
      for (Cursor cursor = request.kv().scan(0); cursor.next();) {
#ifndef BREAKS_MISSES_DEADLINES
        if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
#endif
        std::uint64_t value = 0;
        std::memcpy(&value, cursor.value().data(), 8);
        sum += value;
      }
      reply.json().begin_object().field("sum", sum).end_object();
      return STATOR_OK;
    }};

EngineDescription<BadEngine> BadEngine::describe() {
#ifdef BREAKS_HAS_NO_FUNCTION
  static const Op<BadEngine> kThird = {.row = kSum.row};
#else
  static const Op<BadEngine>& kThird = kSum;
#endif
  static const Op<BadEngine>* const kOps[] = {&kAdd, &kGet, &kThird};
  return {"bad", "1.0.0", "tests", "Wrong in one way.", kOps};
}

}  // namespace

#ifdef BREAKS_SHARED_STATE  // seen by all, as what is not hidden is
template <class T>
struct [[gnu::visibility("default")]] Shared {
  static T value;
};
template <class T>
T Shared<T>::value = 1;
int* shared() { return &Shared<int>::value; }
#endif

#if defined(BREAKS_OTHER_NOTE)
STATOR_ENGINE_NOTE("bad", "1.0.1")
#elif !defined(BREAKS_NO_NOTE)
STATOR_ENGINE_NOTE("bad", "1.0.0")
#endif
STATOR_EXPORT const stator_engine_v1* stator_engine_entry_v1(const stator_kernel_hello* hello) {
  static stator_engine_v1 engine = *stator::detail::Edge<BadEngine>::entry(hello);
#ifdef BREAKS_STRUCT_SIZE
  engine.struct_size = 40;
#endif
#ifdef BREAKS_TWICE_THE_ARGUMENT
  static stator_op row = **engine.ops;
  static stator_arg args[] = {kArgs[0], kArgs[0]};
  static const stator_op* rows[] = {&row};
  row.args = args;
  engine.ops = rows;
  engine.op_count = 1;
#endif
#ifdef BREAKS_NO_ROW
  static const stator_op* rows[] = {engine.ops[0], nullptr};
  engine.ops = rows;
  engine.op_count = 2;
#endif
#ifdef BREAKS_SHARED_STATE
  ++*shared();
#endif
#ifdef BREAKS_THROWS_ACROSS
  engine.read = [](const stator_instance*, const stator_request*) -> stator_status { throw 1; };
#endif
#ifdef BREAKS_ENTRY_GIVES_ANOTHER
  return new stator_engine_v1(engine);
#endif
  return &engine;
}
