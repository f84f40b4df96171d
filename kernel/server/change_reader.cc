#include "server/change_reader.h"

#include "base/limits.h"
#include "base/thread_role.h"

namespace stator::server {

using wal::LogReader;

ChangeReader::ChangeReader(wal::Log& log, ChangeWriter writer, std::uint32_t lanes,
                           std::function<void(LaneId)> notify, std::size_t most)
    : log_(log), writer_(std::move(writer)), notify_(std::move(notify)), most_(most) {
  for (std::uint32_t i = 0; i < lanes; ++i) mailboxes_.push_back(std::make_unique<Mailbox>());
  thread_ = io::Thread("changes", [this] {
    const ActsAs role(threads::background);
    loop();
  });
}

ChangeReader::~ChangeReader() { stop(); }

void ChangeReader::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  subscriptions_.clear();
}

Status ChangeReader::open(const ChangeTicket& ticket, ChangeQuery query) {
  if (open_.fetch_add(1) >= most_) {
    open_.fetch_sub(1);
    return Error(ErrorCode::kResourcesExhausted,
                 "the server has its most subscriptions open, " + std::to_string(most_));
  }
  const std::lock_guard lock(mutex_);
  orders_.push_back({What::kOpen, ticket, std::move(query)});
  return ok_status();
}

void ChangeReader::more(const ChangeTicket& ticket) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back({What::kMore, ticket, {}});
  }
  wake_.notify_one();
}

void ChangeReader::close(const ChangeTicket& ticket) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back({What::kClose, ticket, {}});
  }
  wake_.notify_one();
}

std::vector<ChangePart> ChangeReader::take(LaneId lane) {
  Mailbox& mailbox = *mailboxes_[lane.value()];
  if (!mailbox.is_full.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  mailbox.is_full.store(false, std::memory_order_relaxed);
  return std::exchange(mailbox.parts, {});
}

void ChangeReader::on_durable() {
  // Written, not only read: so either this sees the subscription, or its first look at the log sees
  // what is durable now.
  if (open_.fetch_add(0) == 0) return;
  {
    const std::lock_guard lock(mutex_);
    has_news_ = true;
  }
  wake_.notify_one();
}

// False at the end.
bool ChangeReader::wait(std::vector<Order>& orders, bool is_busy) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return is_busy || has_news_ || is_stopping_ || !orders_.empty(); });
  has_news_ = false;
  std::swap(orders, orders_);
  return !is_stopping_;
}

void ChangeReader::loop() {
  std::vector<Order> orders;
  bool is_busy = false;
  while (wait(orders, is_busy)) {
    carry_out(orders);
    orders.clear();
    is_busy = serve();
  }
}

void ChangeReader::carry_out(std::vector<Order>& orders) {
  for (Order& order : orders) {
    if (order.what == What::kOpen) {
      subscriptions_[order.ticket].query = std::move(order.query);
      continue;
    }
    const auto found = subscriptions_.find(order.ticket);
    if (found == subscriptions_.end()) continue;  // it ended with an error that is on its way
    if (order.what == What::kMore) {
      found->second.is_asking = true;
      continue;
    }
    subscriptions_.erase(found);
    open_.fetch_sub(1);
  }
}

bool ChangeReader::serve() {
  bool is_busy = false;
  for (auto it = subscriptions_.begin(); it != subscriptions_.end();) {
    auto& [ticket, subscription] = *it++;
    if (!subscription.is_asking) continue;
    ChangePart part;
    part.number = ticket.number;
    auto filled = fill(subscription, part);
    if (part.ends.empty() && filled.ok()) {
      is_busy = is_busy || filled.value();
      continue;
    }
    part.next = subscription.query.from;
    // What was read before a fault is given first; the next attempt meets the fault again.
    const bool is_over = part.ends.empty();
    if (is_over) part.status = std::move(filled.error());
    subscription.is_asking = false;
    const ChangeTicket owner = ticket;
    if (is_over) {
      subscriptions_.erase(owner);
      open_.fetch_sub(1);
    } else if (subscription.is_in_batch &&
               subscription.log->batch().size() > kChangeBatchBytesIdle) {
      subscription.log.reset();
      subscription.is_in_batch = false;
    }
    deliver(owner, std::move(part));
  }
  return is_busy;
}

Result<bool> ChangeReader::fill(Subscription& subscription, ChangePart& part) {
  Lsn& from = subscription.query.from;
  for (std::size_t scanned = 0; part.events.size() < kStreamChunkBytes;) {
    if (subscription.is_in_batch) {
      take_events(subscription, part);
      continue;
    }
    if (scanned > kChangeScanBytes) return true;
    if (subscription.log == nullptr) subscription.log = log_.reader(from);
    STATOR_TRY(const LogReader::Step step, subscription.log->next());
    if (step == LogReader::Step::kEnd) return false;
    if (step == LogReader::Step::kTrimmed) {
      STATOR_CHECK(skip_gap(subscription, part));
      continue;
    }
    subscription.is_in_batch = true;
    scanned += subscription.log->batch().size();
  }
  return false;
}

Status ChangeReader::skip_gap(Subscription& subscription, ChangePart& part) {
  Lsn& from = subscription.query.from;
  const Lsn oldest = log_.oldest();
  if (oldest <= from) {
    return Error(ErrorCode::kStorage, "the log does not find LSN " + std::to_string(from.value()));
  }
  ChangeWriter::write_gap(from, Lsn{oldest.value() - 1}, part.events);
  part.ends.push_back(static_cast<std::uint32_t>(part.events.size()));
  from = oldest;
  subscription.log.reset();
  return ok_status();
}

// Of the batch at hand, as many as fit.
void ChangeReader::take_events(Subscription& subscription, ChangePart& part) {
  wal::BatchReader& batch = subscription.log->batch();
  wal::RecordView record;
  Lsn lsn;
  while (part.events.size() < kStreamChunkBytes) {
    if (!batch.next(record, lsn)) {
      subscription.is_in_batch = false;
      return;
    }
    if (lsn < subscription.query.from) continue;  // the batch began earlier
    subscription.query.from = Lsn{lsn.value() + 1};
    if (!ChangeWriter::is_shown(record, subscription.query)) continue;
    writer_.write(record, lsn, batch.seal().time_ms, subscription.query.has_values, part.events);
    part.ends.push_back(static_cast<std::uint32_t>(part.events.size()));
  }
}

void ChangeReader::deliver(const ChangeTicket& ticket, ChangePart part) {
  Mailbox& mailbox = *mailboxes_[ticket.lane.value()];
  {
    const std::lock_guard lock(mutex_);
    mailbox.parts.push_back(std::move(part));
    mailbox.is_full.store(true, std::memory_order_release);
  }
  notify_(ticket.lane);
}

}  // namespace stator::server
