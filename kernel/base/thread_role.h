// Which thread may call what, checked by clang (-Wthread-safety, docs/adr/0052-thread-roles.md).
// Nothing of it exists at run time, and g++ sees none of it.
//
// A thread of the server has a role for life. It takes it where its body begins:
//
//     thread_ = io::Thread("wal", [this] { const ActsAs role(threads::log_writer); run(); });
//
// and a function that is for one role alone says so behind its parameters:
//
//     void put(ByteView key, ByteView value) STATOR_ON(lane);
//
// Who calls it must have said the same of himself. What says nothing is for any thread, so a
// function in between that says nothing cannot hide a call. The body of a lambda is looked at alone:
// it says so too, `[&](ByteView piece) STATOR_ON(lane) { ... }`, or assumes it.
#pragma once

#if defined(__clang__)
#define STATOR_THREAD_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define STATOR_THREAD_ATTRIBUTE(attribute)
#endif

// Only on a thread that has this role.
#define STATOR_ON(role) STATOR_THREAD_ATTRIBUTE(requires_capability(::stator::threads::role))
// Whoever calls it is on such a thread, and the caller may build on that: a private accessor of what
// can only be reached over functions that asked.
#define STATOR_ASSUMES(role) STATOR_THREAD_ATTRIBUTE(assert_capability(::stator::threads::role))

namespace stator {

class STATOR_THREAD_ATTRIBUTE(capability("thread role")) ThreadRole {};

namespace threads {
// A lane's: sockets, sessions, core, store.
inline constexpr ThreadRole lane;
// Who writes the log's files: its writer, or a lane that has nothing else to do meanwhile (lent).
inline constexpr ThreadRole log_writer;
// Writes frozen memtables to the base.
inline constexpr ThreadRole checkpointer;
// All others, which no request waits for on a lane: backups, changes, maintenance, passwords,
// audit, watchdog, memory.
inline constexpr ThreadRole background;
}  // namespace threads

// The thread has the role while this lives: at the top of a thread's body, and where one thread stands
// in for another that does not run.
class STATOR_THREAD_ATTRIBUTE(scoped_lockable) ActsAs {
 public:
  explicit ActsAs(const ThreadRole& role) STATOR_THREAD_ATTRIBUTE(acquire_capability(role)) {
    static_cast<void>(role);
  }
  ~ActsAs() STATOR_THREAD_ATTRIBUTE(release_capability()) {}
  ActsAs(const ActsAs&) = delete;
  ActsAs& operator=(const ActsAs&) = delete;
};

// For what the checker cannot follow: a call that comes back through the engine contract, a
// std::function. The reason stands beside it.
inline void assume_on(const ThreadRole& role) STATOR_THREAD_ATTRIBUTE(assert_capability(role)) {
  static_cast<void>(role);
}

}  // namespace stator
