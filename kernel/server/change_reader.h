// Reads the log for subscribers, on a thread of its own, so that no lane waits for a disk.
//
// A subscription asks for its next part and gets it through its lane's mailbox, whose doorbell is
// rung: events in the order of their LSNs, only what is durable. Who does not ask is not read for:
// nothing is kept for a slow subscriber but its place in the log, and when the log was trimmed
// beyond it, its next event says which LSNs are gone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/byte_buffer.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "io/thread.h"
#include "server/change_event.h"
#include "wal/log.h"

namespace stator::server {

// A subscription: its lane, and the lane's own number for it.
struct ChangeTicket {
  LaneId lane;
  std::uint64_t number = 0;
  friend auto operator<=>(const ChangeTicket&, const ChangeTicket&) = default;
};

struct ChangePart {
  std::uint64_t number = 0;  // of the ticket
  ByteBuffer events;
  std::vector<std::uint32_t> ends;  // of each event
  Lsn next;                         // everything before it was given
  Status status;                    // an error: the log cannot be read, the subscription is over
};

class ChangeReader {
 public:
  // `notify(lane)` is called on the reader's thread when a part lies in that lane's mailbox.
  // `most`: subscriptions at once.
  ChangeReader(wal::Log& log, ChangeWriter writer, std::uint32_t lanes,
               std::function<void(LaneId)> notify, std::size_t most = kSubscriptionsMax);
  ~ChangeReader();
  ChangeReader(const ChangeReader&) = delete;
  ChangeReader& operator=(const ChangeReader&) = delete;

  // Error: kResourcesExhausted. A lane's thread.
  Status open(const ChangeTicket& ticket, ChangeQuery query) STATOR_ON(lane);
  // Asks for the next part; once, until it has come. A lane's thread.
  void more(const ChangeTicket& ticket) STATOR_ON(lane);
  // No part of it comes from now on, but for one that lies in the mailbox. A lane's thread.
  void close(const ChangeTicket& ticket) STATOR_ON(lane);
  // The parts for this lane; cheap when there are none. Its thread.
  std::vector<ChangePart> take(LaneId lane) STATOR_ON(lane);

  // Reads no more. Idempotent; the lanes have ended.
  void stop();
  // The log has more. Any thread; does not block; also after stop().
  void on_durable();
  std::uint64_t open_count() const { return open_.load(); }

 private:
  enum class What : std::uint8_t { kOpen, kMore, kClose };
  struct Order {
    What what;
    ChangeTicket ticket;
    ChangeQuery query;
  };
  // The thread's alone.
  struct Subscription {
    ChangeQuery query;  // from: the next LSN to be looked at
    bool is_asking = false;
    std::unique_ptr<wal::LogReader> log;  // null: not begun, or given back
    bool is_in_batch = false;             // its batch has further records
  };
  struct Mailbox {
    std::atomic<bool> is_full{false};
    std::vector<ChangePart> parts;  // guarded by mutex_
  };

  void loop() STATOR_ON(background);
  bool wait(std::vector<Order>& orders, bool is_busy) STATOR_ON(background);
  void carry_out(std::vector<Order>& orders) STATOR_ON(background);
  // Every subscription that asks has its turn. True if one of them is not through yet.
  bool serve() STATOR_ON(background);
  // True: it is not through, and has nothing to deliver yet.
  Result<bool> fill(Subscription& subscription, ChangePart& part) STATOR_ON(background);
  Status skip_gap(Subscription& subscription, ChangePart& part) STATOR_ON(background);
  void take_events(Subscription& subscription, ChangePart& part) STATOR_ON(background);
  void deliver(const ChangeTicket& ticket, ChangePart part) STATOR_ON(background);

  wal::Log& log_;
  ChangeWriter writer_;
  const std::function<void(LaneId)> notify_;
  const std::size_t most_;
  std::map<ChangeTicket, Subscription> subscriptions_;  // the thread's alone
  std::atomic<std::uint64_t> open_{0};

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<Order> orders_;
  bool has_news_ = false;  // of the log
  bool is_stopping_ = false;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;  // by lane

  io::Thread thread_;  // last: it uses all of the above
};

}  // namespace stator::server
