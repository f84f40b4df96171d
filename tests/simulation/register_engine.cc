// The engine of the simulation: named registers. Beside the store it keeps every register in memory,
// as engines do with derived state, and dies when the two differ.
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "stator/engine.hpp"

using namespace stator;

namespace {

using Name = std::tuple<std::uint32_t, std::string, std::string>;  // tenant, collection, register

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  if (bytes.size() < sizeof value) std::abort();
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

struct Registers {
  static EngineDescription<Registers> describe();

  static std::unique_ptr<Registers> open(const Open& open) {
    auto engine = std::make_unique<Registers>();
    open.visit_all(1, [&](const StoredEntry& entry) {
      engine->values[Name(entry.tenant, entry.collection, entry.key)] = number(entry.value);
    });
    return engine;
  }

  void apply(const Record& record, KvWriter& kv) {
    const std::string_view key = record.payload().substr(8);
    const std::string_view value = record.payload().substr(0, 8);
    values[Name(record.tenant(), record.collection(), key)] = number(value);
    // Long values fill the memtable, so that there are checkpoints.
    kv.put(1, record.vshard(), key, std::string(value).append(200, 'x'));
  }

  std::uint64_t value_of(const Request& request) const {
    const std::string_view key = request.args().str(0);
    std::string_view stored;
    const std::uint64_t in_store = request.kv().get(1, key, stored) ? number(stored) : 0;
    const auto found = values.find(Name(request.tenant(), std::string(request.collection()), std::string(key)));
    const std::uint64_t in_memory = found == values.end() ? 0 : found->second;
    if (in_store != in_memory) std::abort();
    return in_store;
  }

  std::map<Name, std::uint64_t> values;
};

constexpr stator_arg kKey = make_arg(STATOR_ARG_STR, "key", "",
                                     {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 64});
constexpr std::array kGetArgs = {kKey};
constexpr std::array kSetArgs = {
    kKey, make_arg(STATOR_ARG_U64, "value", "", {.flags = STATOR_ARG_REQUIRED}),
    make_arg(STATOR_ARG_U64, "expect", "", {})};

// Fails, unless the register has the value that is expected.
Status prepare_set(const Registers& engine, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  if (args.has(2) && engine.value_of(request) != args.u64(2)) {
    return reply.fail(STATOR_E_CONFLICT_RETRY, "expect", "the register has another value");
  }
  const std::uint64_t value = args.u64(1);
  std::string payload(reinterpret_cast<const char*>(&value), sizeof value);
  records.add(request.vshard(), 1, payload.append(args.str(0)));
  auto json = reply.json();
  json.begin_object().key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

Status read_get(const Registers& engine, const Request& request, Reply& reply) {
  reply.json().number(engine.value_of(request));
  return STATOR_OK;
}

const Op<Registers> kSet = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                            .permission = STATOR_PERM_WRITE,
                                            .placement = STATOR_PLACE_DOCUMENT,
                                            .name = "set",
                                            .doc = "",
                                            .result = "",
                                            .example = "{}",
                                            .args = kSetArgs,
                                            .key_space = 1}),
                            .prepare = &prepare_set};
const Op<Registers> kGet = {.row = make_op({.op_class = STATOR_OP_READ,
                                            .permission = STATOR_PERM_READ,
                                            .placement = STATOR_PLACE_DOCUMENT,
                                            .name = "get",
                                            .doc = "",
                                            .result = "",
                                            .example = "{}",
                                            .args = kGetArgs,
                                            .key_space = 1}),
                            .read = &read_get};
constexpr std::array kOps = {&kSet, &kGet};

EngineDescription<Registers> Registers::describe() {
  return {.id = "registers", .version = "1", .vendor = "tests", .doc = "", .ops = kOps};
}

}  // namespace

STATOR_DEFINE_ENGINE(Registers)
