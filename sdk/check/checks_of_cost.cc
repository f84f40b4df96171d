// How much a request may take: of its lane's time, and of memory.
#include <filesystem>
#include <iterator>
#include <malloc.h>

#include "checks.h"
#include "trial.h"

namespace stator::check {
namespace {

// Entries that a request may look at before its deadline passes, and then until it notices.
constexpr std::uint64_t kBeforeDeadline = 100;
constexpr std::uint64_t kAfterDeadline = 1000;
// Entries that an op of cost POINT may look at, where its arguments name few.
constexpr std::uint64_t kOfPoint = 256;
constexpr int kPasses = 20;
// Of an allocator's own books, and of what a container keeps.
constexpr std::size_t kMemorySlack = 64u * 1024;

std::size_t memory_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// Runs `body` until what it keeps is kept, then often; ends the check where memory grows on, or
// files stay open.
template <class Body>
void expect_bounded(const char* what, Body&& body) {
  for (int i = 0; i < 2; ++i) body();
  const std::size_t before = memory_in_use();
  const std::size_t files_before = open_files();
  for (int i = 0; i < kPasses; ++i) body();
  const std::size_t after = memory_in_use();
  if (after > before + kMemorySlack) {
    broken(std::string("keeps memory of ") + what + ": " + std::to_string(after - before) +
           " bytes in " + std::to_string(kPasses) + " times");
  }
  const std::size_t files = open_files();
  if (files > files_before) {
    broken(std::string("keeps files open of ") + what + ": " +
           std::to_string(files - files_before) + " in " + std::to_string(kPasses) + " times");
  }
}

}  // namespace

// A request whose deadline passes while it looks through many entries stops soon.
void check_deadlines() {
  FakeKernel kernel(&watched_entry);
  fill(kernel);
  for (const Made& made : requests()) {
    kernel.interrupt_next(kBeforeDeadline);
    const Answer answer = ask(kernel, made);
    const std::uint64_t entries = kernel.entries_asked();
    if (entries > kBeforeDeadline + kAfterDeadline) {
      broken("looks at " + std::to_string(entries - kBeforeDeadline) +
             " entries after its deadline: " + text_of(made, answer));
    }
  }
}

void check_cost() {
  FakeKernel kernel(&watched_entry);
  fill(kernel);
  std::vector<const stator_op*> points = rows();
  std::erase_if(points, [](const stator_op* op) { return op->cost > STATOR_COST_POINT; });
  if (points.empty()) return;
  for (const Made& made : RequestMaker(seed).make(points, 200)) {
    const Answer answer = ask(kernel, made);
    if (kernel.entries_asked() > kOfPoint) {
      broken("has the cost POINT and looks at " + std::to_string(kernel.entries_asked()) +
             " entries: " + text_of(made, answer));
    }
  }
}

void check_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have no such books
  FakeKernel kernel(&watched_entry);
  const std::vector<Made> all = requests();
  for (const Made& made : all) ask(kernel, made);
  expect_bounded("reads", [&] {
    for (const Made& made : all) {
      if (!made.is_write) ask(kernel, made);
    }
  });
  expect_bounded("instances that were closed", [&] { kernel.restart(); });
#endif
}

}  // namespace stator::check
