#include "control/auth/password_worker.h"

#include "base/thread_role.h"
#include "control/auth/scram.h"
#include "control/auth/secrets.h"

namespace stator::auth {
namespace {

PasswordAnswer work(const PasswordJob& job) {
  if (!job.hash.empty()) return {job.ticket, verify_password(job.password, job.hash), {}, {}};
  auto hash = hash_password(job.password);
  if (!hash.ok()) return {job.ticket, false, {}, {}};
  return {job.ticket, true, hash.take(), make_scram(job.password)};
}

}  // namespace

PasswordWorker::PasswordWorker(std::uint32_t lanes, std::function<void(LaneId)> notify)
    : notify_(std::move(notify)), answers_(lanes), has_answers_(lanes) {
  thread_ = io::Thread("passwords", [this] {
    const ActsAs role(threads::background);
    loop();
  });
}

PasswordWorker::~PasswordWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool PasswordWorker::submit(PasswordJob job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kJobsMax) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_all();
  return true;
}

std::vector<PasswordAnswer> PasswordWorker::take(LaneId lane) {
  if (!has_answers_[lane.value()].load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  has_answers_[lane.value()].store(false, std::memory_order_relaxed);
  return std::exchange(answers_[lane.value()], {});
}

void PasswordWorker::loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (jobs_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const PasswordJob job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    PasswordAnswer answer = work(job);
    lock.lock();
    answers_[job.lane.value()].push_back(std::move(answer));
    has_answers_[job.lane.value()].store(true, std::memory_order_release);
    lock.unlock();
    notify_(job.lane);
    lock.lock();
  }
}

}  // namespace stator::auth
