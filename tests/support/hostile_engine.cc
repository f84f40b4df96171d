// An engine that breaks the contract. One op does not come back until somebody opens a FIFO for
// writing; it makes a file, FIFO.held, when it has begun. One keeps memory that C's malloc gave.
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "stator/engine.hpp"

namespace {

using namespace stator;

struct Hostile {
  static EngineDescription<Hostile> describe();
  static std::unique_ptr<Hostile> open(const Open&) { return std::make_unique<Hostile>(); }
  // payload: how many bytes, in decimal
  void apply(const Record& record, KvWriter&) {
    hoard.emplace_back(std::malloc(std::stoul(std::string(record.payload()))));
  }
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::vector<std::unique_ptr<void, Free>> hoard;
};

constexpr std::array kArgs = {make_arg(STATOR_ARG_STR, "file", "The FIFO.",
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
      close(open((file + ".held").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      close(open(file.c_str(), O_RDONLY | O_CLOEXEC));
      reply.json().begin_object().end_object();
      return STATOR_OK;
    }};
constexpr std::array kHoardArgs = {
    make_arg(STATOR_ARG_U64, "bytes", "How many.", {.flags = STATOR_ARG_REQUIRED, .max = 1e9})};

const Op<Hostile> kHoard = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                            .permission = STATOR_PERM_WRITE,
                                            .placement = STATOR_PLACE_COLLECTION,
                                            .name = "hostile_hoard",
                                            .doc = "Keeps memory.",
                                            .result = "{}",
                                            .example = R"({"op":"hostile_hoard","bytes":1})",
                                            .args = kHoardArgs}),
                            .prepare = [](const Hostile&, const Request& request, Records& records,
                                          Reply& reply) -> Status {
                              records.add(request.vshard(), 1,
                                          std::to_string(request.args().u64(0)));
                              reply.json().begin_object().end_object();
                              return STATOR_OK;
                            }};
constexpr const Op<Hostile>* kOps[] = {&kBlock, &kHoard};

EngineDescription<Hostile> Hostile::describe() {
  return {.id = "hostile", .version = "1", .vendor = "Stator", .doc = "For tests.", .ops = kOps};
}

}  // namespace

STATOR_DEFINE_ENGINE(Hostile)
STATOR_ENGINE_NOTE("hostile", "1")
