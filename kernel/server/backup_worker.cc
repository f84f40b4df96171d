#include "server/backup_worker.h"

#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "server/backup_directory.h"
#include "server/backup_manifest.h"

namespace stator::server {
namespace {

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
  if (job_ && job_->request.stream != nullptr) job_->request.stream->close();
}

Status BackupWorker::check_locked(const BackupRequest& request, Place place) const {
  if (place == Place::kDirectory && sources_.root.empty()) {
    return Error(ErrorCode::kUnsupported, "this server has no place for backups")
        .with_hint(
            "add [backup] directory = \"/path/of/backups\" to the server's config, or take it "
            "to you: stator pull-backup");
  }
  if (!is_backup_name(request.name)) return bad_name("name");
  if (!request.base.empty() && !is_backup_name(request.base)) return bad_name("base");
  if (is_stopping_.load(std::memory_order_relaxed))
    return Error(ErrorCode::kBusy, "the server stops");
  if (job_) {
    return Error(ErrorCode::kBusy, "the backup '" + job_->request.name + "' is being taken")
        .with_retry_after(kRetryBusyMs);
  }
  return ok_status();
}

Status BackupWorker::check(const BackupRequest& request, Place place) const {
  const std::lock_guard lock(mutex_);
  return check_locked(request, place);
}

void BackupWorker::start(BackupJob job) {
  job_ = std::move(job);
  facts_.is_running = true;
  wake_.notify_all();
}

Status BackupWorker::submit(BackupJob job) {
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_locked(job.request, Place::kDirectory));
  start(std::move(job));
  return ok_status();
}

Result<BackupStream*> BackupWorker::begin_stream(LaneId lane, const std::string& name,
                                                 std::string base_manifest) {
  const std::lock_guard lock(mutex_);
  BackupRequest request{name, {}, nullptr};
  STATOR_CHECK(check_locked(request, Place::kStream));
  streams_.push_back(
      std::make_unique<BackupStream>(std::move(base_manifest), [this, lane] { notify_(lane); }));
  request.stream = streams_.back().get();
  is_released_ = false;
  start({lane, 0, request});
  return request.stream;
}

void BackupWorker::release(BackupStream* stream) {
  const std::lock_guard lock(mutex_);
  stream->close();
  const bool is_running = job_ && job_->request.stream == stream;
  is_running ? static_cast<void>(is_released_ = true) : forget(stream);
}

void BackupWorker::forget(const BackupStream* stream) {
  std::erase_if(streams_, [&](const auto& one) { return one.get() == stream; });
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

Result<BackupDone> BackupWorker::take_one(const BackupRequest& request) {
  if (request.stream != nullptr)
    return take_backup(sources_, request.name, *request.stream, is_stopping_);
  BackupDirectory directory(*sources_.files, sources_.root, request.name, request.base);
  return take_backup(sources_, request.name, directory, is_stopping_);
}

void BackupWorker::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return job_ || is_stopping_.load(std::memory_order_relaxed); });
    if (!job_) return;
    const BackupJob job = *job_;
    lock.unlock();
    log::info("backup '" + job.request.name + "' begins");
    Result<BackupDone> result = take_one(job.request);
    if (result.ok()) {
      log::info("backup '" + job.request.name + "' is complete, LSN " +
                std::to_string(result.value().lsn.value()));
    } else {
      log::warn("backup '" + job.request.name + "' failed: " + result.error().sentence());
    }
    lock.lock();
    note(job.request, result);
    job_.reset();
    if (job.request.stream != nullptr) {
      is_released_ ? forget(job.request.stream) : job.request.stream->end(std::move(result));
      continue;
    }
    answers_[job.lane.value()].push_back({job.ticket, std::move(result)});
    lock.unlock();
    notify_(job.lane);
    lock.lock();
  }
}

}  // namespace stator::server
