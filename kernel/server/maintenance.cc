#include "server/maintenance.h"

#include <chrono>
#include <utility>

#include "base/limits.h"
#include "base/thread_role.h"

namespace stator::server {
namespace {

// For the requests that are open; then the lanes go on and the job is refused.
constexpr std::chrono::seconds kPatience{5};

}  // namespace

Maintenance::Maintenance(StandingServer server, std::function<void(LaneId)> notify)
    : server_(std::move(server)),
      notify_(std::move(notify)),
      answers_(server_.lanes()),
      thread_("maintenance", [this] {
        const ActsAs role(threads::background);
        loop();
      }) {}

Maintenance::~Maintenance() { stop(); }

void Maintenance::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Status Maintenance::submit(MaintenanceJob job) {
  const std::lock_guard lock(mutex_);
  if (is_stopping_) return Error(ErrorCode::kBusy, "the server stops");
  if (job_) {
    return Error(ErrorCode::kBusy, "another op that needs the whole server is under way")
        .with_retry_after(kRetryBusyMs);
  }
  job_ = std::move(job);
  changed_.notify_all();
  return ok_status();
}

std::vector<MaintenanceAnswer> Maintenance::take(LaneId lane) {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_[lane.value()], {});
}

Result<std::string> Maintenance::carry_out(const MaintenanceWork& work) {
  const auto backup = [] {
    return Error(ErrorCode::kBusy, "a backup is being taken").with_retry_after(kRetryBusyMs);
  };
  if (server_.is_backup_running()) return backup();
  STATOR_CHECK(server_.stop->stop(kPatience));
  // Again: none can begin while the lanes stand still.
  auto result = server_.is_backup_running() ? Result<std::string>(backup()) : work(server_);
  server_.stop->go_on();
  return result;
}

void Maintenance::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return job_ || is_stopping_; });
    if (!job_) return;
    lock.unlock();
    auto result = carry_out(job_->work);
    lock.lock();
    const LaneId lane = job_->lane;
    answers_[lane.value()].push_back({job_->ticket, std::move(result)});
    job_.reset();
    lock.unlock();
    notify_(lane);
    lock.lock();
  }
}

}  // namespace stator::server
