// A kernel in memory, for unit tests of an engine without a server.
//
//   stator::testkit::FakeKernel kernel(&stator_engine_entry_v1);
//   auto answer = kernel.call("point_put", R"({"document_id":"a","data":{"n":1}})");
//   EXPECT_EQ(answer.status, STATOR_OK);
//   kernel.restart();   // closes the instances, keeps the store, opens again
//   kernel.replay();    // empties the store and applies the whole log again
//
// It binds arguments by the op's rows (the same types, bounds, defaults and routing as the server
// promises), runs read / prepare + apply / merge over `lanes` instances, and keeps store and log.
// One thread. Faults of the engine's use of the contract (put outside apply, oversized key, a
// cursor after a write, a call's handle on another thread or when it has returned) stop the process
// with a sentence.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.h"

namespace stator::testkit {

struct Answer {
  stator_status status = STATOR_OK;
  std::string payload;  // lsn_here already replaced by the number
  bool is_binary = false;
  std::string field;   // of a refusal
  std::string detail;  // of a refusal
  std::string more{};  // what the argument with STATOR_ARG_CURSOR is to be for the next page
};

struct FakeKernelOptions {
  std::uint32_t lanes = 1;
  std::string config_json = "{}";
  std::uint64_t time_ms = 1'700'000'000'000;  // advances by 1 each request
};

class FakeKernel {
 public:
  // Throws std::runtime_error with a sentence: a row that breaks stator/op.h, an unknown config key,
  // or the engine's own refusal to open (also from restart and replay).
  explicit FakeKernel(stator_engine_entry entry, const FakeKernelOptions& options = {});
  ~FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  // Runs one request. A binding fault answers BAD_REQUEST with the field. The lanes of an ALL or
  // ROWS op run one by one and on their own: a refusal of one does not undo another's write, and the
  // first refusal is the answer.
  Answer call(std::string_view op, std::string_view args_json,
              std::string_view collection = "default", std::uint32_t tenant = 1);
  // What stator.call/1 answers for ops of other engines: (op, args) -> Answer.
  using Callee = Answer (*)(void* context, std::string_view op, std::string_view args_json);
  void set_callee(Callee callee, void* context);
  // From the next call on a row policy binds the caller in every collection: it sees and may write
  // the rows that these filters select (stator/filter/compile.hpp), and ops without
  // STATOR_OP_ROWS_CHECKED are refused. Throws std::runtime_error for what is no filter.
  void bind_rows(std::string_view visible, std::string_view writable);
  void unbind_rows();
  // Raises the request's interrupt word before the next call, or in it when the engine has looked
  // up or walked over so many entries.
  void interrupt_next(std::uint64_t after_entries = 0);
  // In the next call the kernel has no room where the engine asks for some the nth time (from 1):
  // for its answer, or for a record. Not in merge, when the records are written already.
  void refuse_next(std::uint64_t nth);
  // Of the last call: it came to that; how many entries the engine looked up or walked over.
  bool was_refused() const;
  std::uint64_t entries_asked() const;
  // In the next call, if its op has STATOR_OP_PAUSES: what happens where it is paused, which is at
  // each of its looks. It may call this kernel, as others do on a server; true: the op is to stop.
  void pause_next(std::function<bool()> on_pause);

  // Runs the work that is due (stator_engine_v1.work), turn after turn, lane beside lane, until
  // none is; answers how many turns that took. A request that waits for work (work.later) runs it
  // by itself.
  std::size_t run_work();
  // The turn of it that comes first; false: none is due.
  bool run_work_once();
  // From the next turn on its slice is over at that look at the interrupt word; 0, as at first:
  // never.
  void set_slice(std::size_t looks);
  // The clock: of the next request, and of work.
  std::uint64_t time_ms() const;
  void advance(std::uint64_t ms);
  // What the kernel does when a tenant is dropped: the engine forgets it, its entries are erased,
  // and replay() passes over its records. Its id may be used again here, as one of nothing.
  void drop_tenant(std::uint32_t tenant);

  void restart();
  // `restart_behind`: as after a crash that a store survives which ends with the record of that
  // LSN: behind it the instances are closed and opened again. 0: no crash.
  void replay(std::uint64_t restart_behind = 0);
  // As after an upgrade: the store is opened by another version of the engine. Throws as the
  // constructor does.
  void upgrade(stator_engine_entry entry);
  // The store as text key -> value, over all lanes: equal stores are equal maps.
  std::map<std::string, std::string> dump() const;
  std::uint64_t last_lsn() const;
  // Keys that kv.prefetch was given since the last replay(), and those of them for which get was
  // called then.
  struct Prefetches {
    std::uint64_t keys;
    std::uint64_t used;
  };
  Prefetches prefetches() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stator::testkit
