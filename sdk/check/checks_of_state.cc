// What is stored, over replays, crashes, restarts and work.
#include <algorithm>

#include "checks.h"
#include "trial.h"

namespace stator::check {
namespace {

constexpr std::uint64_t kCrashes = 40;

}  // namespace

void check_replay() {
  for (const std::uint32_t lanes : {1u, 2u, 4u}) {
    FakeKernel kernel(&watched_entry, {.lanes = lanes});
    for (const Made& made : requests()) ask(kernel, made);
    kernel.restart();  // what apply takes from memory must be there again
    for (const Made& made : requests(1)) ask(kernel, made);
    const auto before = kernel.dump();
    kernel.replay();
    expect_same_store(kernel, before, "a replay of its log on " + std::to_string(lanes) + " lanes");
  }
}

void check_restart() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  std::vector<Made> reads;
  for (const Made& made : requests()) {
    if (made.is_write) {
      ask(kernel, made);
    } else {
      reads.push_back(made);
    }
  }
  std::vector<Answer> before;
  for (const Made& read : reads) before.push_back(ask(kernel, read));
  kernel.restart();
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Answer after = ask(kernel, reads[i]);
    if (!same(before[i], after))
      broken("answers otherwise after a restart: " + text_of(reads[i], after));
  }
}

void check_purity() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (const Made& made : requests()) {
    if (made.is_write) {
      ask(kernel, made);
      continue;
    }
    const auto before = kernel.dump();
    const Answer first = ask(kernel, made);
    if (!same(first, ask(kernel, made)))
      broken("the same read twice answers otherwise: " + text_of(made, first));
    expect_same_store(kernel, before, "a read, " + made.op);
  }
}

// Work is done in slices of every size, comes to an end, is not forgotten in a restart, and is
// replayed as it was.
void check_work() {
  if (rows().empty() || original_engine()->work == nullptr) return;
  constexpr std::uint64_t kLongMs = 1000ull * 60 * 60 * 24 * 365;
  for (const std::uint32_t lanes : {1u, 2u, 4u}) {
    FakeKernel straight(&watched_entry, {.lanes = lanes});
    FakeKernel restarted(&watched_entry, {.lanes = lanes});
    straight.set_slice(lanes - 1);
    std::size_t asked = 0;
    for (const Made& made : requests()) {
      ask(straight, made);
      ask(restarted, made);
      if (++asked % 50 == 0) straight.run_work();
      if (asked % 50 == 0) restarted.run_work();
    }
    straight.advance(kLongMs);
    straight.run_work();
    restarted.restart();
    restarted.advance(kLongMs);
    restarted.run_work();
    const auto before = straight.dump();
    const auto after = restarted.dump();
    for (const auto& [key, value] : before) {
      if (!after.contains(key)) broken("work is another one after a restart: " + key + " is gone");
    }
    for (const auto& [key, value] : after) {
      if (!before.contains(key)) broken("work is another one after a restart: " + key + " is new");
    }
    straight.replay();
    expect_same_store(straight, before, "a replay of requests and work");
  }
}

// The store of a crash and the log behind it give what the whole log gives, wherever the crash was.
void check_crashes() {
  FakeKernel kernel(&watched_entry, {.lanes = 2});
  for (const Made& made : requests()) ask(kernel, made);
  kernel.run_work();
  const auto before = kernel.dump();
  const std::uint64_t last = kernel.last_lsn();
  for (std::uint64_t i = 0; i < std::min(kCrashes, last); ++i) {
    const std::uint64_t lsn = 1 + (seed + i * last / std::min(kCrashes, last)) % last;
    kernel.replay(lsn);
    expect_same_store(kernel, before, "a crash behind record " + std::to_string(lsn));
  }
}

// A newer version opens what the older one stored, and answers as it did.
void check_upgrade() {
  FakeKernel kernel(engine_before());
  std::vector<Made> reads;
  for (const Made& made : requests()) {
    made.is_write ? static_cast<void>(kernel.call(made.op, made.args_json, "one"))
                  : reads.push_back(made);
  }
  std::vector<Answer> before;
  for (const Made& read : reads) before.push_back(kernel.call(read.op, read.args_json, "one"));
  kernel.upgrade(&watched_entry);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Answer after = ask(kernel, reads[i]);
    if (before[i].status == STATOR_OK && !same(before[i], after))
      broken("answers otherwise than the version before: " + text_of(reads[i], after));
  }
  for (const Made& made : requests(1)) ask(kernel, made);
  kernel.restart();
  for (const Made& made : requests(1)) ask(kernel, made);
}

}  // namespace stator::check
