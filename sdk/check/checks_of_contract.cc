// What one request, one row or one opening shows.
#include <cstddef>

#include "checks.h"
#include "library/library_rules.h"
#include "trial.h"

namespace stator::check {
namespace {

constexpr int kRestarts = 50;
// Of one request, how often it may ask for room before the rest is taken for the same.
constexpr std::uint64_t kRefusalsMax = 8;

}  // namespace

void check_descriptor() {
  const FakeKernel kernel(&watched_entry);  // checks the rows
  const stator_engine_v1* first = original_engine();
  if (first != engine_again()) broken("a second call of the entry gives another descriptor");
  library::ElfImage image;
  library::Manifest note;
  library::check_library(library_bytes(), image, note);
  if (note.id != first->id || note.version != first->version ||
      note.abi_minor != first->abi_minor) {
    broken("its note says " + note.id + " " + note.version + ", contract minor " +
           std::to_string(note.abi_minor) + ", its descriptor " + first->id + " " + first->version +
           ", " + std::to_string(first->abi_minor));
  }
  if (first->struct_size < offsetof(stator_engine_v1, merge))
    broken("the descriptor's struct_size is " + std::to_string(first->struct_size));
  for (const stator_op* op : rows()) {
    const std::string name = op->name;
    if (op->struct_size < offsetof(stator_op, key_space))
      broken(name + ": struct_size is " + std::to_string(op->struct_size));
    for (std::uint32_t i = 0; i < op->arg_count; ++i) {
      if (op->args[i].struct_size != sizeof(stator_arg)) {
        broken(name + ": argument " + std::to_string(i) + " has struct_size " +
               std::to_string(op->args[i].struct_size) + ", the SDK's is " +
               std::to_string(sizeof(stator_arg)));
      }
      if (op->args[i].doc == nullptr) broken(name + "." + op->args[i].name + ": it has no doc");
    }
    if (op->doc == nullptr || op->result == nullptr || op->example == nullptr)
      broken(name + ": it has no doc, no result or no example");
  }
}

void check_examples() {
  FakeKernel kernel(&watched_entry);
  for (const Made& made : RequestMaker(seed).make(rows(), 0)) {
    const Answer answer = ask(kernel, made);
    if (answer.status == STATOR_E_BAD_REQUEST)
      broken("its example is refused: " + text_of(made, answer));
  }
}

void check_lifecycle() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (int i = 0; i < kRestarts; ++i) kernel.restart();
}

// Requests of every kind; the watch notes exceptions, clocks, random numbers and threads.
void check_requests() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (const Made& made : requests()) ask(kernel, made);
  kernel.run_work();
}

// There is no room for an answer or a record, at each place where the engine asks for some: it says
// so, and nothing is written. What it answers later is as if nobody had asked.
void check_refusals() {
  FakeKernel kernel(&watched_entry);
  for (const Made& made : requests()) {
    for (std::uint64_t nth = 1; nth <= kRefusalsMax; ++nth) {
      const auto before = kernel.dump();
      kernel.refuse_next(nth);
      const Answer answer = ask(kernel, made);
      if (!kernel.was_refused()) break;  // it was carried out
      if (answer.status == STATOR_OK)
        broken("answers ok although there was no room: " + text_of(made, answer));
      expect_same_store(kernel, before, "a request without room, " + made.op);
    }
  }
}

}  // namespace stator::check
