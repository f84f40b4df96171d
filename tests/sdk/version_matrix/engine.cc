// The same in C++, which asks for nothing that is new.
#include "stator/engine.hpp"

using namespace stator;

struct Sum {
  static EngineDescription<Sum> describe();
  static std::unique_ptr<Sum> open(const Open&) { return std::make_unique<Sum>(); }
  void apply(const Record&, KvWriter&) {}
};

static constexpr std::array kArgs = {make_arg(STATOR_ARG_U64, "first", "A number.", {}),
                                     make_arg(STATOR_ARG_U64, "second", "A number.", {})};
static const Op<Sum> kSum = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_ANY,
                    .name = "sum",
                    .doc = "Adds two numbers.",
                    .result = "N",
                    .example = R"({"op":"sum","first":1,"second":2})",
                    .args = kArgs}),
    .read = [](const Sum&, const Request& request, Reply& reply) -> Status {
      reply.write(std::to_string(request.args().u64(0) + request.args().u64(1)));
      return STATOR_OK;
    }};

EngineDescription<Sum> Sum::describe() {
  static const Op<Sum>* const kOps[] = {&kSum};
  return {"matrix", "1", "tests", "Adds.", kOps};
}
STATOR_ENGINE_NOTE("matrix", "1")
STATOR_DEFINE_ENGINE(Sum)
