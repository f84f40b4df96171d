#include "server/backup_worker.h"

#include <utility>

#include "base/log.h"
#include "base/thread_role.h"
#include "server/backup_manifest.h"

namespace stator::server {
namespace {

constexpr std::uint32_t kRetryMs = 1000;

Error bad_name(const std::string& field) {
  return Error(ErrorCode::kBadRequest, field,
               "'" + field +
                   "' must be letters, digits, '.', '_' or '-', not begin with '.' and not end "
                   "with '.partial'");
}

}  // namespace

BackupWorker::BackupWorker(BackupSources sources, std::uint32_t lanes,
                           std::function<void(LaneId)> notify)
    : sources_(std::move(sources)),
      notify_(std::move(notify)),
      answers_(lanes),
      thread_("backup", [this] {
        const ActsAs role(threads::background);
        loop();
      }) {}

BackupWorker::~BackupWorker() {
  stop();
  thread_.join();
}

void BackupWorker::stop() {
  is_stopping_.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  wake_.notify_all();
}

Status BackupWorker::check_locked(const BackupRequest& request) const {
  if (sources_.root.empty()) {
    return Error(ErrorCode::kUnsupported, "this server has no place for backups")
        .with_hint("add [backup] directory = \"/path/of/backups\" to the server's config");
  }
  if (!is_backup_name(request.name)) return bad_name("name");
  if (!request.base.empty() && !is_backup_name(request.base)) return bad_name("base");
  if (is_stopping_.load(std::memory_order_relaxed))
    return Error(ErrorCode::kBusy, "the server stops");
  if (job_) {
    return Error(ErrorCode::kBusy, "the backup '" + job_->request.name + "' is being taken")
        .with_retry_after(kRetryMs);
  }
  return ok_status();
}

Status BackupWorker::check(const BackupRequest& request) const {
  const std::lock_guard lock(mutex_);
  return check_locked(request);
}

Status BackupWorker::submit(BackupJob job) {
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_locked(job.request));
  job_ = std::move(job);
  facts_.is_running = true;
  wake_.notify_all();
  return ok_status();
}

std::vector<BackupAnswer> BackupWorker::take(LaneId lane) {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_[lane.value()], {});
}

session::BackupFacts BackupWorker::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

void BackupWorker::note(const BackupRequest& request, Result<BackupDone>& result) {
  facts_.is_running = false;
  facts_.last_name = request.name;
  facts_.last_lsn = result.ok() ? result.value().lsn : Lsn{};
  facts_.last_error = result.ok() ? "" : std::string(wire_name(result.error().code()));
}

void BackupWorker::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return job_ || is_stopping_.load(std::memory_order_relaxed); });
    if (!job_) return;
    const BackupJob job = *job_;
    lock.unlock();
    log::info("backup '" + job.request.name + "' begins");
    Result<BackupDone> result = take_backup(sources_, job.request, is_stopping_);
    if (result.ok()) {
      log::info("backup '" + job.request.name + "' is complete, LSN " +
                std::to_string(result.value().lsn.value()));
    } else {
      log::warn("backup '" + job.request.name + "' failed: " + result.error().sentence());
    }
    lock.lock();
    note(job.request, result);
    job_.reset();
    answers_[job.lane.value()].push_back({job.ticket, std::move(result)});
    lock.unlock();
    notify_(job.lane);
    lock.lock();
  }
}

}  // namespace stator::server
