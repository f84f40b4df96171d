// A call through the descriptor, against the same function called directly.
#include "stator/engine.hpp"

#include "contract/spread.h"

namespace {

using namespace stator;

// An engine that does nothing but look at its vShard.
struct Nothing {
  static EngineDescription<Nothing> describe();
  static std::unique_ptr<Nothing> open(const Open&) { return std::make_unique<Nothing>(); }
  void apply(const Record&, KvWriter&) {}
  std::uint64_t seen = 7;
};

[[gnu::noinline]] Status do_nothing(const Nothing& engine, const Request& request, Reply&) {
  return request.vshard() == engine.seen ? STATOR_E_INTERNAL : STATOR_OK;
}

constexpr stator_op kRow = make_op({.op_class = STATOR_OP_READ,
                                    .permission = STATOR_PERM_READ,
                                    .placement = STATOR_PLACE_COLLECTION,
                                    .name = "nothing",
                                    .doc = "",
                                    .result = "",
                                    .example = "{}"});
const Op<Nothing> kNothing = {.row = kRow, .read = &do_nothing};

EngineDescription<Nothing> Nothing::describe() {
  static const Op<Nothing>* const kOps[] = {&kNothing};
  return {"nothing", "1", "", "", kOps};
}

const void* no_service(const char*) {
  // Every one has functions, none of which is called.
  static const std::uint64_t kNone[16] = {sizeof kNone};
  return kNone;
}

}  // namespace

void bench::measure_calls(int rounds) {
  const stator_kernel_hello hello = {sizeof hello, STATOR_ABI_MAJOR, STATOR_ABI_MINOR, 0,
                                     "bench",      &no_service};
  const stator_engine_v1* engine = stator::detail::Edge<Nothing>::entry(&hello);
  const Nothing instance;
  const std::uint32_t interrupt = 0;
  stator_request request{};
  request.struct_size = sizeof request;
  request.interrupt = &interrupt;
  const auto* lent = reinterpret_cast<const stator_instance*>(&instance);
  bench::Spread direct;
  bench::Spread through;
  bench::Spread more;
  for (int i = 0; i < rounds; ++i) {
    direct.values.push_back(bench::ns_per_call([&] {
      Reply reply(nullptr);
      bench::keep(do_nothing(instance, Request(&request), reply));
    }));
    through.values.push_back(
        bench::ns_per_call([&] { bench::keep(engine->read(lent, &request)); }));
    more.values.push_back(through.values.back() - direct.values.back());
  }
  direct.print("call, direct", "ns");
  through.print("call, through the descriptor and the C++ layer", "ns");
  more.print("  more", "ns");
}
