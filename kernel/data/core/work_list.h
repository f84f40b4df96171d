// When which collection has background work to do for which engine: what the engines said with
// work.wake (stator.work/1), and why their last turn was refused. Derived: engines say it again
// when they are opened.
//
// Thread: the lane's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "data/host/call_context.h"

namespace stator::core {

class WorkList final : public host::Alarms {
 public:
  struct Place {
    std::uint32_t engine = 0;  // index into the catalog's engines
    TenantId tenant;
    std::string collection;
  };
  // Of the turn before; kOk: none.
  struct Refusal {
    ErrorCode code = ErrorCode::kOk;
    std::string field;
    std::string sentence;
  };

  // Before the place's time already: changes nothing. `at_ms` below now_ms is now.
  void wake(std::uint32_t engine, TenantId tenant, ByteView collection,
            std::uint64_t at_ms) override;
  void set_now(std::uint64_t now_ms) { now_ms_ = now_ms; }

  bool empty() const { return due_.empty(); }
  // Of the first; not when it is empty.
  std::uint64_t next_ms() const { return due_.begin()->at_ms; }
  // The first, if its time has come: it is taken out. Those of one time come in their order.
  bool take(Place& place);
  // What became of it, for the next turn.
  void set_refusal(const Place& place, Refusal refusal);
  // Lives until the list changes.
  const Refusal& refusal(std::uint32_t engine, TenantId tenant, ByteView collection) const;
  // What the tenant's collections had to do.
  void forget(TenantId tenant);
  void clear();

 private:
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::string>;
  using View = std::tuple<std::uint32_t, std::uint32_t, ByteView>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return View(a) < View(b);
    }
  };
  struct Entry {
    std::uint64_t at_ms = 0;
    std::uint64_t turn = 0;  // 0: not in due_
    Refusal refusal;
  };
  using Entries = std::map<Key, Entry, Less>;
  struct Due {
    std::uint64_t at_ms;
    std::uint64_t turn;
    Entries::value_type* entry;
    bool operator<(const Due& other) const {
      return std::tie(at_ms, turn) < std::tie(other.at_ms, other.turn);
    }
  };

  Entries entries_;
  std::set<Due> due_;
  std::uint64_t turns_ = 0;
  std::uint64_t now_ms_ = 0;
};

}  // namespace stator::core
