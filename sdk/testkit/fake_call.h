// What stands behind the opaque stator_call of the fake kernel.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stator/engine.h"

#include "fake_kernel.h"
#include "fake_store.h"

namespace stator::testkit::detail {

enum class Phase : std::uint8_t { kOpen, kRead, kPrepare, kApply, kMerge };

struct NewRecord {
  std::uint32_t vshard;
  std::uint32_t type;
  std::string payload;
};

struct NewClaim {
  bool is_free;
  bool names_owners;
  std::uint32_t space;
  std::string key;
  std::string owner;
  std::string field;
  std::string sentence;
};

struct Cursor {
  const struct Call* call = nullptr;
  std::uint64_t writes = 0;  // of the store when the cursor was made
  std::string prefix;
  std::map<std::string, Entry, std::less<>>::const_iterator
      at;  // next to give (reverse: behind it)
  std::map<std::string, Entry, std::less<>>::const_iterator end;  // reverse: the first of the range
  bool is_reverse = false;
  std::string key;  // lent to the engine until the cursor moves
  std::string value;
};

// When each lane is to work where, and why the turn before was refused.
struct Alarm {
  bool is_set = false;
  std::uint64_t at_ms = 0;
  std::uint64_t turn = 0;
  stator_status refusal = STATOR_OK;
  std::string field;
  std::string sentence;
};
struct Alarms {
  // By lane, tenant, collection.
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::string>, Alarm> all;
  std::uint64_t turns = 0;
  std::uint64_t now_ms = 0;
};

// What one request asked of the kernel, on all lanes, and what is done to it.
struct Watch {
  std::uint64_t entries = 0;       // looked up or walked over
  std::uint64_t interrupt_at = 0;  // entries at which the interrupt word is raised; 0: not then
  std::uint32_t* interrupt = nullptr;
  std::uint64_t rooms = 0;  // asked for
  std::uint64_t refuse_at = 0;
  bool was_refused = false;

  void on_entry() {
    if (++entries == interrupt_at) *interrupt = STATOR_INTERRUPT_STOP;
  }
  bool refuses_room() {
    if (++rooms != refuse_at) return false;
    return was_refused = true;
  }
};

// What FakeKernel::bind_rows was given, compiled.
struct BoundRows {
  bool is_bound = false;
  std::string visible;
  std::string writable;
};

struct Call {
  Phase phase = Phase::kRead;
  std::uint32_t lane = 0;
  std::uint32_t lanes = 1;
  std::uint32_t tenant = 0;
  bool has_work = false;  // the engine does work
  LaneStore* store = nullptr;
  Watch* watch = nullptr;
  std::string collection;
  const char* engine_id = "";
  const stator_op* op = nullptr;
  FakeKernel::Callee callee = nullptr;
  void* callee_context = nullptr;
  const BoundRows* rows = nullptr;
  const std::function<bool()>* look = nullptr;  // stator.pause/1; null: this call does not pause

  std::string reply;
  std::vector<char> room;  // of the last reserve
  std::optional<std::size_t> lsn_at;
  bool is_binary = false;
  std::string more;
  std::string field;
  std::string detail;
  std::vector<NewRecord> records;
  std::vector<NewClaim> claims;
  bool is_together = false;

  // stator.work/1
  Alarms* alarms = nullptr;
  bool is_work = false;
  std::string note;
  std::string everywhere;
  bool is_later = false;

  // Everything lent to the engine dies with the call, so that a sanitizer finds what it kept.
  struct Free {
    std::align_val_t align;
    void operator()(char* p) const { ::operator delete(p, align); }
  };
  std::vector<std::unique_ptr<char, Free>> memory;
  std::deque<Cursor> cursors;
  std::vector<std::string> ahead;  // keys of kv.prefetch for which get was not called yet
  std::deque<Answer> called;

  // What the request itself asks for, not what is applied, nor work that it waits for.
  void note_entry() const {
    if (!is_work && phase != Phase::kApply) watch->on_entry();
  }
  bool refuses_room() const { return !is_work && watch->refuses_room(); }

  // Not an address, which another call may have later.
  static inline std::uintptr_t made = 0;
  std::uintptr_t number = ++made;
  stator_call* handle() const { return reinterpret_cast<stator_call*>(number); }
};

// While it lives this thread is in the engine, for that call: no other thread may use its handle,
// and nobody later. They nest, where a paused op lets others run.
class InCall {
 public:
  explicit InCall(Call& call) : call_(call), outer_(innermost_) { innermost_ = this; }
  ~InCall() { innermost_ = outer_; }
  InCall(const InCall&) = delete;
  InCall& operator=(const InCall&) = delete;

  // Null: this thread is in no such call.
  static Call* find(stator_call* handle) {
    const InCall* at = innermost_;
    while (at != nullptr && at->call_.handle() != handle) at = at->outer_;
    return at == nullptr ? nullptr : &at->call_;
  }

 private:
  Call& call_;
  const InCall* outer_;
  static inline thread_local const InCall* innermost_ = nullptr;
};

}  // namespace stator::testkit::detail
