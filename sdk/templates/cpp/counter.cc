// A whole engine: named totals that are added to.
#include "stator/engine.hpp"

using namespace stator;

struct CounterEngine {
  static EngineDescription<CounterEngine> describe();
  static std::unique_ptr<CounterEngine> open(const Open&) {
    return std::make_unique<CounterEngine>();
  }
  void apply(const Record& record, KvWriter& kv) {  // payload: the total, then the name
    const std::string_view payload = record.payload();
    kv.put(0, record.vshard(), payload.substr(8), payload.substr(0, 8));
  }
};

static std::uint64_t total(const Request& request) {
  std::string_view stored;
  std::uint64_t value = 0;
  if (request.kv().get(0, request.args().str(0), stored)) std::memcpy(&value, stored.data(), 8);
  return value;
}

static constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "name", "Which total.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 64}),
    make_arg(STATOR_ARG_U64, "by", "How much to add.", {.default_json = "1"})};

static const Op<CounterEngine> kAdd = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "counter_add",
                    .doc = "Adds to a total.",
                    .result = R"({"total":N,"lsn":N})",
                    .example = R"({"op":"counter_add","name":"hits","by":2})",
                    .args = kArgs}),
    .prepare = [](const CounterEngine&, const Request& request, Records& records,
                  Reply& reply) -> Status {
      std::uint64_t sum = 0;
      if (__builtin_add_overflow(total(request), request.args().u64(1), &sum)) {
        return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "by", "the total would overflow");
      }
      std::string record(reinterpret_cast<const char*>(&sum), 8);  // the effect, not the command
      records.add(request.vshard(), 1, record.append(request.args().str(0)));
      auto json = reply.json();
      json.begin_object().field("total", sum).key("lsn");
      reply.lsn(json);
      json.end_object();
      return STATOR_OK;
    }};

static const Op<CounterEngine> kGet = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "counter_get",
                    .doc = "Reads a total.",
                    .result = R"({"total":N})",
                    .example = R"({"op":"counter_get","name":"hits"})",
                    .args = std::span(kArgs).first(1)}),
    .read = [](const CounterEngine&, const Request& request, Reply& reply) -> Status {
      reply.json().begin_object().field("total", total(request)).end_object();
      return STATOR_OK;
    }};

EngineDescription<CounterEngine> CounterEngine::describe() {
  static const Op<CounterEngine>* const kOps[] = {&kAdd, &kGet};
  return {"counter", "1.0.0", "you", "Named totals.", kOps};
}
STATOR_ENGINE_NOTE("counter", "1.0.0")
STATOR_DEFINE_ENGINE(CounterEngine)
