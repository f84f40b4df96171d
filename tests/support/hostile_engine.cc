// An engine that breaks the contract: its one op does not come back while a file is there.
#include <sched.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "stator/engine.hpp"

namespace {

using namespace stator;

struct Hostile {
  static EngineDescription<Hostile> describe();
  static std::unique_ptr<Hostile> open(const Open&) { return std::make_unique<Hostile>(); }
  void apply(const Record&, KvWriter&) {}
};

constexpr std::array kArgs = {make_arg(STATOR_ARG_STR, "file", "While it is there.",
                                       {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 4096})};

const Op<Hostile> kBlock = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_ANY,
                    .name = "hostile_block",
                    .doc = "Holds the lane of its connection.",
                    .result = "{}",
                    .example = R"({"op":"hostile_block","file":"/tmp/x"})",
                    .args = kArgs}),
    .read = [](const Hostile&, const Request& request, Reply& reply) -> Status {
      const std::string file(request.args().str(0));
      while (access(file.c_str(), F_OK) == 0) sched_yield();
      reply.json().begin_object().end_object();
      return STATOR_OK;
    }};
constexpr const Op<Hostile>* kOps[] = {&kBlock};

EngineDescription<Hostile> Hostile::describe() {
  return {.id = "hostile", .version = "1", .vendor = "Stator", .doc = "For tests.", .ops = kOps};
}

}  // namespace

STATOR_DEFINE_ENGINE(Hostile)
