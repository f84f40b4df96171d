// An engine with background work, for the tests of it: leases by name that end at their time, each
// with a ticket that no two leases have. Work ends what is due, three a turn, and gives the tickets
// up; when a lane has none left that is due, all lanes note the time at one moment.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "stator/engine.hpp"

using namespace stator;

namespace {

constexpr std::uint8_t kLeases = 1;   // name -> until, ticket
constexpr std::uint8_t kTickets = 2;  // claims: ticket -> name
constexpr std::uint8_t kSwept = 3;    // every lane's: when all had nothing left
constexpr std::uint32_t kLease = 1;   // until, size of the name, name, ticket
constexpr std::uint32_t kEnd = 2;     // name
constexpr std::uint32_t kNote = 3;    // time
constexpr std::uint32_t kTake = STATOR_RECORD_UNTOLD + 1;
constexpr std::uint32_t kFree = STATOR_RECORD_UNTOLD + 2;
constexpr std::size_t kEndsMax = 3;

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}
std::string bytes_of(std::uint64_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

struct Leases {
  static EngineDescription<Leases> describe();
  static std::unique_ptr<Leases> open(const Open& open) {
    auto engine = std::make_unique<Leases>();
    open.visit_all(kLeases, [&](const StoredEntry& entry) {
      engine->until[std::string(entry.key)] = number(entry.value);
      open.wake(entry.tenant, entry.collection, number(entry.value));
    });
    return engine;
  }

  void apply(const Record& record, KvWriter& kv) {
    const std::string_view payload = record.payload();
    switch (record.type()) {
      case kLease: {
        const std::size_t size = static_cast<std::uint8_t>(payload[8]);
        const std::string name(payload.substr(9, size));
        kv.put(kLeases, record.vshard(), name,
               std::string(payload.substr(0, 8)).append(payload.substr(9 + size)));
        until[name] = number(payload);
        return record.wake(number(payload));
      }
      case kEnd:
        kv.erase(kLeases, payload);
        until.erase(std::string(payload));
        is_swept = false;
        return;
      case kNote:
        is_swept = true;
        // All lanes said that they have none while all stood still.
        for (const auto& [name, at] : until) {
          if (at <= number(payload)) kv.put(kSwept, STATOR_VSHARD_EVERY, "early", name);
        }
        return kv.put(kSwept, STATOR_VSHARD_EVERY, "at", payload);
      default:
        return change_ticket(record, kv);
    }
  }
  static void change_ticket(const Record& record, KvWriter& kv) {
    const std::size_t size = static_cast<std::uint8_t>(record.payload()[0]);
    const std::string_view ticket = record.payload().substr(2, size);
    const std::string_view name = record.payload().substr(2 + size);
    if (record.type() == kTake) return kv.put(kTickets, record.vshard(), ticket, name);
    std::string_view held;
    if (kv.get(kTickets, ticket, held) && held == name) kv.erase(kTickets, ticket);
  }

  Status work(const Work& work, Records& records, Reply& reply) const {
    std::size_t ended = 0;
    std::uint64_t next = 0;
    // All lanes are asked about one time: their clocks may differ by what a turn takes.
    const std::uint64_t now = work.note().empty() ? work.time_ms() : number(work.note());
    for (Cursor cursor = work.kv().scan(kLeases); cursor.next();) {
      const std::uint64_t at = number(cursor.value());
      if (at > now) {
        next = next == 0 ? at : std::min(next, at);
        continue;
      }
      if (!work.note().empty()) {
        return reply.fail(STATOR_E_CONFLICT_RETRY, nullptr, "this lane has leases that are over");
      }
      if (ended == kEndsMax || (ended > 0 && work.interrupted())) {
        work.wake();
        return STATOR_OK;
      }
      ++ended;
      records.add(cursor.vshard(), kEnd, cursor.key());
      records.claim({.is_free = true,
                     .space = kTickets,
                     .type = kFree,
                     .key = cursor.value().substr(8),
                     .owner = cursor.key(),
                     .sentence = {}});
    }
    if (!work.note().empty()) {
      records.add(STATOR_VSHARD_EVERY, kNote, work.note());
      return STATOR_OK;
    }
    if (ended > 0) {
      work.wake();
    } else if (!is_swept) {
      work.everywhere(bytes_of(now));
    }
    if (next != 0) work.wake(next);
    return STATOR_OK;
  }

  std::map<std::string, std::uint64_t> until;  // of this lane; tests use one collection
  bool is_swept = true;                        // nothing ended since
};

constexpr stator_arg key_arg(const char* name) {
  return make_arg(STATOR_ARG_STR, name, "",
                  {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 64});
}
constexpr std::array kNameArgs = {key_arg("name")};
constexpr std::array kTicketArgs = {key_arg("ticket")};
constexpr std::array kLeaseArgs = {
    key_arg("name"), make_arg(STATOR_ARG_U64, "until", "Unix ms.", {.flags = STATOR_ARG_REQUIRED}),
    make_arg(STATOR_ARG_STR, "ticket", "", {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 64})};

Status prepare_lease(const Leases&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  std::string_view old;
  const auto claim = [&](bool is_free, std::string_view ticket) {
    records.claim({.is_free = is_free,
                   .space = kTickets,
                   .type = is_free ? kFree : kTake,
                   .key = ticket,
                   .owner = args.str(0),
                   .field = "ticket",
                   .sentence = "the ticket is taken"});
  };
  if (request.kv().get(kLeases, args.str(0), old)) claim(true, old.substr(8));
  claim(false, args.str(2));
  std::string payload = bytes_of(args.u64(1));
  payload.push_back(static_cast<char>(args.str(0).size()));
  records.add(request.vshard(), kLease, payload.append(args.str(0)).append(args.str(2)));
  reply.json().begin_object().end_object();
  return STATOR_OK;
}

const Op<Leases> kLeaseOp = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "lease",
                    .doc = "",
                    .result = "",
                    .example = R"({"op":"lease","name":"a","until":1,"ticket":"t"})",
                    .args = kLeaseArgs}),
    .prepare = &prepare_lease};

// The lease's ticket, or nothing.
const Op<Leases> kLeaseGet = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "lease_get",
                    .doc = "",
                    .result = "",
                    .example = R"({"op":"lease_get","name":"a"})",
                    .args = kNameArgs}),
    .read = [](const Leases&, const Request& request, Reply& reply) -> Status {
      std::string_view stored;
      if (request.kv().get(kLeases, request.args().str(0), stored)) reply.write(stored.substr(8));
      return STATOR_OK;
    }};

const Op<Leases> kTicketGet = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_DOCUMENT,
                    .name = "ticket_get",
                    .doc = "",
                    .result = "",
                    .example = R"({"op":"ticket_get","ticket":"t"})",
                    .args = kTicketArgs}),
    .read = [](const Leases&, const Request& request, Reply& reply) -> Status {
      std::string_view name;
      if (request.kv().get(kTickets, request.args().str(0), name)) reply.write(name);
      return STATOR_OK;
    }};

// A lease that was there when a lane was told that none is; of each lane, or nothing.
const Op<Leases> kEarlyOp = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_ALL,
                    .name = "swept_early",
                    .doc = "",
                    .result = "",
                    .example = R"({"op":"swept_early"})"}),
    .read = [](const Leases&, const Request& request, Reply& reply) -> Status {
      std::string_view name;
      if (request.kv().get(kSwept, "early", name)) reply.write(name);
      return STATOR_OK;
    },
    .merge = [](const Leases&, const Request&, const Parts& parts, Reply& reply) -> Status {
      for (std::size_t i = 0; i < parts.size(); ++i) reply.write(parts[i]);
      return STATOR_OK;
    }};

// Waits until no lease of the asking lane is over; answers when all lanes had none, on each lane.
const Op<Leases> kSweptOp = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_ALL,
                    .name = "lease_sweep",
                    .doc = "",
                    .result = "",
                    .example = R"({"op":"lease_sweep"})"}),
    .prepare = [](const Leases&, const Request& request, Records&, Reply& reply) -> Status {
      std::string_view at;
      reply.write(request.kv().get(kSwept, "at", at) ? std::to_string(number(at)) + " " : "- ");
      return STATOR_OK;
    },
    .merge = [](const Leases& engine, const Request& request, const Parts& parts,
                Reply& reply) -> Status {
      for (const auto& [name, until] : engine.until) {
        if (until <= request.time_ms()) return request.later();
      }
      for (std::size_t i = 0; i < parts.size(); ++i) reply.write(parts[i]);
      return STATOR_OK;
    }};

EngineDescription<Leases> Leases::describe() {
  static const Op<Leases>* const kOps[] = {&kLeaseOp, &kLeaseGet, &kTicketGet, &kEarlyOp,
                                                &kSweptOp};
  return {"leases", "1", "", "", kOps};
}

}  // namespace

STATOR_ENGINE_NOTE("leases", "1")
STATOR_DEFINE_ENGINE(Leases)
