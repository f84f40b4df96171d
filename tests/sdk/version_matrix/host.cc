// host ENGINE.so: loads it with the server's own loader and catalog, asks it for 3 + 4, and prints
// the answer, or why the engine is refused. Built with this contract or the next (STATOR_NEXT),
// whose services it then has.
#include <cstdio>
#include <cstring>
#include <string>

#include "stator/engine.h"

#include "plugin/catalog.h"
#include "plugin/library.h"
#include "plugin/library_file.h"

namespace {

std::string answer;
char room[65536];

char* reserve(stator_call*, std::uint64_t bytes) { return bytes <= sizeof room ? room : nullptr; }
void commit(stator_call*, std::uint64_t bytes) { answer.append(room, bytes); }

const void* find_service(const char* id) {
  static stator_reply_service reply{};
  reply.struct_size = sizeof reply;
  reply.reserve = &reserve;
  reply.commit = &commit;
#ifdef STATOR_NEXT
  reply.later = [](stator_call*) { return 1; };
  static const stator_later_service later = {sizeof later, 0, [] { return 2; }};
  if (std::strcmp(id, STATOR_SERVICE_LATER) == 0) return &later;
#endif
  return std::strcmp(id, STATOR_SERVICE_REPLY) == 0 ? &reply : nullptr;
}

// What the kernel of the next contract finds in the copies of what the engine gave.
std::string seen(const stator::plugin::Engine& engine) {
#ifdef STATOR_NEXT
  const bool has_hook = engine.descriptor.later != nullptr;
  return std::string(has_hook ? ", has a hook" : ", has no hook") +
         (engine.ops[0].args[1].later == 0 ? "" : ", says more");
#else
  return engine.ops[0].args[1].name == std::string("second") ? "" : ", arguments lie askew";
#endif
}

stator_status ask(const stator_engine_v1& engine) {
  struct {
    stator_arg_block head;
    stator_value values[2];
  } block{};
  block.head = {sizeof block.head, sizeof block, 3, 3, 0, 2};
  block.values[0].u64 = 3;
  block.values[1].u64 = 4;
  const std::uint32_t interrupt = 0;
  stator_request request{};
  request.struct_size = sizeof request;
  request.args = &block.head;
  request.interrupt = &interrupt;
#ifdef STATOR_NEXT
  request.later = 3;
#endif
  const stator_open open = {sizeof open, 0, 1, 0, {"{}", 2}, nullptr};
  stator_instance* instance = nullptr;
  char error[256];
  if (const stator_status status = engine.open(&open, &instance, error, sizeof error))
    return status;
  const stator_status status = engine.read(instance, &request);
  engine.close(instance);
  return status;
}

}  // namespace

int main(int, char** words) {
  const auto say = [](const std::string& sentence) {
    std::printf("%s\n", sentence.c_str());
    return 1;
  };
  const stator_kernel_hello hello = {sizeof hello, STATOR_ABI_MAJOR, STATOR_ABI_MINOR, 0,
                                     "test",       &find_service};
  auto library = stator::plugin::read_library(words[1]);
  if (!library.ok()) return say("refused: " + library.error().sentence());
  auto entry = stator::plugin::load_entry(library.value());
  if (!entry.ok()) return say("refused: " + entry.error().sentence());
  stator::plugin::Catalog catalog;
  if (auto added = catalog.add(entry.value(), hello, library.value()); !added.ok())
    return say("refused: " + added.error().sentence());
  const stator::plugin::Engine& engine = *catalog.engines()[0];
  if (ask(engine.descriptor) != STATOR_OK) return say("it does not answer");
  return say("answered " + answer + seen(engine) + ".");
}
