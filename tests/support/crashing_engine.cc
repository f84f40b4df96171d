// An engine that keeps texts by name, and crashes where the environment says:
//   CRASH_IN    phases, each between commas (",apply,"): where. Where there is a name it is one
//   that
//               begins with "poison"; work, change, forget: of collection "poison".
//   CRASH_HOW   how; without it, a store to address 8; error: not at all, it only fails
//   CRASH_AFTER a FIFO: apply crashes when somebody has opened it for writing and closed it again
// With KEEPER_FIXED it is another version, which never crashes.
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "stator/engine.hpp"

namespace {

using namespace stator;

#ifdef KEEPER_FIXED
constexpr bool kCrashes = false;
#define KEEPER_VERSION "1.0.1"
#else
constexpr bool kCrashes = true;
#define KEEPER_VERSION "1.0.0"
#endif

std::string_view setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_asked_to_crash_in(std::string_view phase) {
  return kCrashes &&
         setting("CRASH_IN").find("," + std::string(phase) + ",") != std::string_view::npos;
}

// Nothing of it may be clear to the compiler.
volatile int forever = 1;
volatile std::uintptr_t nowhere = 8;

[[gnu::noinline]] int go_down(volatile char* above) {
  volatile char here[4096];
  here[0] = *above;
  return forever == 1 ? go_down(here) + here[0] : 0;
}

[[gnu::noinline]] void fail() {
  if (forever == 1) throw std::runtime_error("nobody catches it");
}
[[gnu::noinline]] void fail_and_end() noexcept { fail(); }

// With UBSan a division by nothing would end in its own exit, which is no signal.
[[gnu::no_sanitize("undefined")]] void crash(std::string_view how) {
  char top = 1;
  if (how == "abort") std::abort();
  if (how == "exit") std::exit(0);
  if (how == "quick_exit") std::quick_exit(0);
  if (how == "error") throw std::runtime_error("the SDK makes an error of it");
  if (how == "throw") fail_and_end();
  if (how == "divide") forever = 7 / (forever - 1);
  if (how == "trap") __builtin_trap();
  if (how == "overflow") go_down(&top);
  while (how == "wait" && forever == 1) continue;  // for somebody else to end it
  if (how == "bus") raise(SIGBUS);
  *reinterpret_cast<volatile int*>(nowhere) = 1;
}

void crash_if_asked(std::string_view phase, std::string_view name) {
  if (name.starts_with("poison") && is_asked_to_crash_in(phase)) crash(setting("CRASH_HOW"));
}

[[gnu::constructor]] void loaded() { crash_if_asked("load", "poison"); }

void wait_if_asked() {
  const std::string fifo(setting("CRASH_AFTER"));
  if (fifo.empty()) return;
  const int reader = open(fifo.c_str(), O_RDONLY | O_CLOEXEC);
  char byte = 0;
  while (read(reader, &byte, 1) > 0) continue;
  close(reader);
}

struct Keeper {
  static EngineDescription<Keeper> describe();
  static std::unique_ptr<Keeper> open(const Open& open) {
    crash_if_asked("open", "poison");
    open.visit_all(1, [&](const StoredEntry& entry) { open.wake(entry.tenant, entry.collection); });
    return std::make_unique<Keeper>();
  }
  ~Keeper() { crash_if_asked("close", "poison"); }
  // size of the name, name, text
  void apply(const Record& record, KvWriter& kv) {
    const std::string_view payload = record.payload();
    const auto size = static_cast<unsigned char>(payload[0]);
    const std::string_view name = payload.substr(1, size);
    if (name.starts_with("poison") && is_asked_to_crash_in("apply")) {
      wait_if_asked();
      crash(setting("CRASH_HOW"));
    }
    // What was applied before shows: the order of records matters, and none may come twice.
    std::string_view before;
    std::string text(kv.get(1, name, before) ? before : std::string_view());
    kv.put(1, record.vshard(), name, text.append(payload.substr(1 + size)).append(";"));
    record.wake();
  }
  Status work(const Work& work, Records&, Reply&) const {
    crash_if_asked("work", work.collection());
    return STATOR_OK;
  }
  bool forget(std::uint32_t) {
    crash_if_asked("forget", "poison");
    return false;
  }
  static Change describe_change(std::uint32_t, std::string_view payload, ChangeValue&) {
    const std::string_view name = payload.substr(1, static_cast<unsigned char>(payload[0]));
    crash_if_asked("change", name);
    return {"put", name};
  }
};

constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "name", "Which.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 64}),
    make_arg(STATOR_ARG_STR, "text", "What.", {.flags = STATOR_ARG_REQUIRED})};

const Op<Keeper> kPut = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "keep_put",
                    .doc = "Adds to a text.",
                    .result = "{}",
                    .example = R"({"op":"keep_put","name":"a","text":"b"})",
                    .args = kArgs}),
    .prepare = [](const Keeper&, const Request& request, Records& records, Reply& reply) -> Status {
      const std::string_view name = request.args().str(0);
      crash_if_asked("prepare", name);
      std::string record(1, static_cast<char>(name.size()));
      records.add(request.vshard(), 1, record.append(name).append(request.args().str(1)));
      reply.json().begin_object().end_object();
      return STATOR_OK;
    }};

const Op<Keeper> kGet = {.row = make_op({.op_class = STATOR_OP_READ,
                                         .permission = STATOR_PERM_READ,
                                         .placement = STATOR_PLACE_DOCUMENT,
                                         .name = "keep_get",
                                         .doc = "Gives a text.",
                                         .result = R"({"text":"..."})",
                                         .example = R"({"op":"keep_get","name":"a"})",
                                         .args = std::span(kArgs).first(1)}),
                         .read = [](const Keeper&, const Request& request, Reply& reply) -> Status {
                           crash_if_asked("read", request.args().str(0));
                           // A fault of the kernel while it serves the engine: only apply may
                           // write.
                           if (request.args().str(0) == "breach") {
                             stator::detail::services.kv->put(request.raw_call(), 1,
                                                              request.vshard(), as_bytes("x"),
                                                              as_bytes("y"));
                           }
                           std::string_view text;
                           if (!request.kv().get(1, request.args().str(0), text))
                             return reply.fail(STATOR_E_NOT_FOUND, "name", "no such text");
                           reply.json().begin_object().field("text", text).end_object();
                           return STATOR_OK;
                         }};

// A long read, on a stack of its own.
const Op<Keeper> kCount = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_ALL,
                    .cost = STATOR_COST_SCAN,
                    .name = "keep_count",
                    .doc = "Counts texts.",
                    .result = R"({"parts":N})",
                    .example = R"({"op":"keep_count"})",
                    .flags = STATOR_OP_PAUSES}),
    .read = [](const Keeper&, const Request& request, Reply& reply) -> Status {
      static_cast<void>(request.interrupted());
      crash_if_asked("scan", "poison");
      reply.json().number(std::uint64_t{1});
      return STATOR_OK;
    },
    .merge = [](const Keeper&, const Request&, const Parts& parts, Reply& reply) -> Status {
      crash_if_asked("merge", "poison");
      reply.json().begin_object().field("parts", std::uint64_t{parts.size()}).end_object();
      return STATOR_OK;
    }};

EngineDescription<Keeper> Keeper::describe() {
  crash_if_asked("describe", "poison");
  static const Op<Keeper>* const kOps[] = {&kPut, &kGet, &kCount};
  return {"keeper", KEEPER_VERSION, "tests", "Keeps texts.", kOps};
}

}  // namespace

STATOR_ENGINE_NOTE("keeper", KEEPER_VERSION)
STATOR_DEFINE_ENGINE(Keeper)
