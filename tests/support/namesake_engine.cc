// An engine with names that others have. It is compiled twice: as `namesake`, which wants them for
// its own collections alone, and as `rival`, which wants them everywhere.
#include <array>
#include <memory>
#include <string>

#include "stator/engine.hpp"

namespace {

using namespace stator;

#ifdef RIVAL
#define ENGINE_ID "rival"
constexpr std::uint32_t kOwn = 0;
#else
#define ENGINE_ID "namesake"
constexpr std::uint32_t kOwn = STATOR_OP_OWN_COLLECTIONS;
#endif

constexpr std::uint8_t kSpace = 1;

struct Namesake {
  static EngineDescription<Namesake> describe();
  static std::unique_ptr<Namesake> open(const Open&) { return std::make_unique<Namesake>(); }
  void apply(const Record& record, KvWriter& kv) {
    const std::string_view payload = record.payload();
    const std::size_t size = static_cast<std::uint8_t>(payload[0]);
    kv.put(kSpace, record.vshard(), payload.substr(1, size), payload.substr(1 + size));
  }
};

constexpr stator_arg kKeyArg =
    make_arg(STATOR_ARG_STR, "key", "Where.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 64});
constexpr std::array kPutArgs = {
    kKeyArg, make_arg(STATOR_ARG_U64, "value", "What.", {.flags = STATOR_ARG_REQUIRED})};
constexpr std::array kGetArgs = {kKeyArg};

const Op<Namesake> kPut = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "point_put",
                    .doc = "Keeps a number.",
                    .result = "{kept}",
                    .example = R"({"op":"point_put","key":"a","value":1})",
                    .args = kPutArgs,
                    .flags = kOwn}),
    .prepare = [](const Namesake&, const Request& request, Records& records,
                  Reply& reply) -> Status {
      const std::string_view key = request.args().str(0);
      const std::string value = std::to_string(request.args().u64(1));
      std::string payload(1, static_cast<char>(key.size()));
      records.add(request.vshard(), 1, payload.append(key).append(value));
      reply.json().begin_object().field("kept", std::string_view(value)).end_object();
      return STATOR_OK;
    }};

const Op<Namesake> kGet = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "point_get",
                    .doc = "Gives a number back.",
                    .result = "{value}",
                    .example = R"({"op":"point_get","key":"a"})",
                    .args = kGetArgs,
                    .flags = kOwn}),
    .read = [](const Namesake&, const Request& request, Reply& reply) -> Status {
      std::string_view value;
      if (!request.kv().get(kSpace, request.args().str(0), value))
        return reply.fail(STATOR_E_NOT_FOUND, "key", "no such number");
      reply.json().begin_object().field("value", value).end_object();
      return STATOR_OK;
    }};

// Names that an op of another engine has which other engines call.
const Op<Namesake> kStats = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "graph_stats",
                    .doc = "Says whose it is.",
                    .result = "{engine}",
                    .example = R"({"op":"graph_stats"})",
                    .flags = kOwn}),
    .read = [](const Namesake&, const Request&, Reply& reply) -> Status {
      reply.json().begin_object().field("engine", std::string_view(ENGINE_ID)).end_object();
      return STATOR_OK;
    }};

constexpr const char* kCalled[] = {"graph_stats", ENGINE_ID ".graph_stats", nullptr};
constexpr std::array kCallArgs = {
    make_arg(STATOR_ARG_STR, "name", "The op.", {.flags = STATOR_ARG_REQUIRED})};
const Op<Namesake> kCall = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = ENGINE_ID "_call",
                    .doc = "Calls an op of that name.",
                    .result = "the op's own",
                    .example = R"({"op":")" ENGINE_ID R"(_call","name":"graph_stats"})",
                    .args = kCallArgs,
                    .requires_ops = kCalled}),
    .read = [](const Namesake&, const Request& request, Reply& reply) -> Status {
      const CallResult result = request.call(request.args().str(0), "{}");
      if (result.status != STATOR_OK) return reply.fail(result.status, nullptr, result.detail);
      reply.write(result.payload);
      return STATOR_OK;
    }};

constexpr const Op<Namesake>* kOps[] = {&kPut, &kGet, &kStats, &kCall};

EngineDescription<Namesake> Namesake::describe() {
  return {.id = ENGINE_ID, .version = "1", .vendor = "Stator", .doc = "For tests.", .ops = kOps};
}

}  // namespace

STATOR_DEFINE_ENGINE(Namesake)
STATOR_ENGINE_NOTE(ENGINE_ID, "1")
