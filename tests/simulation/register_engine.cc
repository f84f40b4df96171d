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
    if (record.type() != 1) return apply_name(record, kv);
    const std::string_view key = record.payload().substr(8);
    const std::string_view value = record.payload().substr(0, 8);
    values[Name(record.tenant(), record.collection(), key)] = number(value);
    // Long values fill the memtable, so that there are checkpoints.
    kv.put(1, record.vshard(), key, std::string(value).append(200, 'x'));
  }

  // A name or a claim of one: size of the first text u16, texts.
  static void apply_name(const Record& record, KvWriter& kv) {
    const std::string_view payload = record.payload();
    const std::size_t size = static_cast<std::uint8_t>(payload[0]);
    const std::string_view first = payload.substr(2, size);
    const std::string_view second = payload.substr(2 + size);
    if (record.type() == kNamed)
      return kv.put(kNames, record.vshard(), first,
                    std::string(second) + "\n" + std::string(300, 'x'));
    if (record.type() == kTake) return kv.put(kHolders, record.vshard(), first, second);
    std::string_view held;
    if (kv.get(kHolders, first, held) && held == second) kv.erase(kHolders, first);
  }
  static std::string name_of(const Request& request, std::string_view key) {
    std::string_view stored;
    if (!request.kv().get(kNames, key, stored)) return {};
    return std::string(stored.substr(0, stored.find('\n')));
  }

  static constexpr std::uint8_t kNames = 2;
  static constexpr std::uint8_t kHolders = 3;
  static constexpr std::uint32_t kNamed = 2;
  static constexpr std::uint32_t kTake = STATOR_RECORD_UNTOLD + 1;
  static constexpr std::uint32_t kFree = STATOR_RECORD_UNTOLD + 2;

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

// Gives the register a name that no other has; none: it gives its own up.
Status prepare_own(const Registers&, const Request& request, Records& records, Reply& reply) {
  const std::string key(request.args().str(0));
  const std::string name(request.args().str(1));
  const std::string old = Registers::name_of(request, key);
  std::string payload = {static_cast<char>(key.size()), 0};
  records.add(request.vshard(), Registers::kNamed, payload.append(key).append(name));
  const auto claim = [&](bool is_free, const std::string& what) {
    records.claim({.is_free = is_free,
                   .space = Registers::kHolders,
                   .type = is_free ? Registers::kFree : Registers::kTake,
                   .key = what,
                   .owner = key,
                   .field = "name",
                   .sentence = "the name is another register's"});
  };
  if (!old.empty() && old != name) claim(true, old);
  if (!name.empty() && old != name) claim(false, name);
  auto json = reply.json();
  json.begin_object().key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

Status read_name(const Registers&, const Request& request, Reply& reply) {
  reply.write(Registers::name_of(request, request.args().str(0)));
  return STATOR_OK;
}

// Of a name: its vShard is that of the claim.
Status read_holder(const Registers&, const Request& request, Reply& reply) {
  std::string_view held;
  if (request.kv().get(Registers::kHolders, request.args().str(0), held)) reply.write(held);
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
constexpr std::array kOwnArgs = {
    kKey, make_arg(STATOR_ARG_STR, "name", "", {.max = 64, .default_json = "\"\""})};
template <std::size_t N>
constexpr stator_op row_of(std::uint32_t op_class, const char* name,
                           const std::array<stator_arg, N>& args) {
  return make_op({.op_class = op_class,
                  .permission = STATOR_PERM_WRITE,
                  .placement = STATOR_PLACE_DOCUMENT,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .args = args});
}
const Op<Registers> kOwn = {.row = row_of(STATOR_OP_WRITE, "own", kOwnArgs),
                            .prepare = &prepare_own};
const Op<Registers> kName = {.row = row_of(STATOR_OP_READ, "name", kGetArgs), .read = &read_name};
const Op<Registers> kHolder = {.row = row_of(STATOR_OP_READ, "holder", kGetArgs),
                               .read = &read_holder};
constexpr std::array kOps = {&kSet, &kGet, &kOwn, &kName, &kHolder};

EngineDescription<Registers> Registers::describe() {
  return {.id = "registers", .version = "1", .vendor = "tests", .doc = "", .ops = kOps};
}

}  // namespace

STATOR_DEFINE_ENGINE(Registers)
