#include "server/recover_to.h"

#include "base/log.h"
#include "wal/log_check.h"
#include "wal/log_cut.h"

namespace stator::server {

Status recover_to(io::FileSystem& files, const wal::LocalLogOptions& options, Lsn to) {
  const wal::CheckOptions check{.directory = options.directory,
                                .oldest_needed = options.oldest_needed,
                                .newest_held = options.newest_held,
                                .is_whole = false,
                                .keys = options.keys};
  STATOR_TRY(const wal::LogCheck found, wal::check_log(files, check));
  if (!found.damage) {
    if (found.last_good() == to) return ok_status();
    return Error(ErrorCode::kBadRequest, "recover-to",
                 "--recover-to " + std::to_string(to.value()) +
                     ": the log is not damaged and ends with LSN " +
                     std::to_string(found.last_good().value()) +
                     "; start without the option ('statord wal cut' shortens a log that is whole)");
  }
  STATOR_TRY(const wal::CutPlan plan, wal::plan_cut(files, check, to));
  log::warn("--recover-to " + std::to_string(to.value()) + ": records above LSN " +
            std::to_string(to.value()) + " are lost: dropped " + plan.dropped() +
            "; the damage was in segment " + found.damage->path + ", offset " +
            std::to_string(found.damage->offset) + ": " + found.damage->reason);
  return wal::cut_log(files, plan);
}

}  // namespace stator::server
