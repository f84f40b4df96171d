#include "server/discard.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "data/core/kernel_record.h"

namespace stator::server {
namespace {

std::string number(Lsn lsn) { return std::to_string(lsn.value()); }

Error held(Lsn to, Lsn base) {
  return Error(ErrorCode::kRejectedConstraint, "lsn",
               "the records above LSN " + number(to) +
                   " cannot be forgotten: a checkpoint holds records up to LSN " + number(base))
      .with_hint("restore a backup of LSN " + number(to) +
                 " or before into a new directory and replay the log from there");
}

// The dictionary of engines is made when a server starts, and not made again before the next start.
Status check_no_engine_above(wal::Log& log, Lsn to) {
  return wal::read_durable(log, Lsn{to.value() + 1},
                           [&](const wal::RecordView& record, Lsn lsn, std::uint64_t) -> Status {
                             const bool is_engine =
                                 record.engine == core::kKernelEngine &&
                                 record.type ==
                                     static_cast<std::uint32_t>(core::KernelRecord::kEngineNumber);
                             if (!is_engine) return ok_status();
                             return Error(ErrorCode::kRejectedConstraint, "lsn",
                                          "LSN " + number(lsn) +
                                              " names an engine of this data directory: records up "
                                              "to it cannot be forgotten");
                           });
}

}  // namespace

Result<std::string> discard_to(const StandingServer& server, Lsn to, const std::string& user) {
  const Lsn last = server.log->last();
  if (to > last) {
    return Error(ErrorCode::kNotFound, "lsn", "the log ends with LSN " + number(last));
  }
  Lsn base;
  const auto look = [&](core::CoreLoop& core) STATOR_ON(lane) -> Status {
    STATOR_TRY(const Lsn applied, core.finish_checkpoint());
    base = std::max(base, applied);
    return ok_status();
  };
  STATOR_CHECK(server.on_each_lane(look));
  if (base > to) return held(to, base);
  STATOR_CHECK(check_no_engine_above(*server.log, to));
  Status cut = server.log->discard_to(to);
  if (!cut.ok()) return Error(cut.error().code(), "lsn", cut.error().sentence());
  const std::string records = std::to_string(last.value() - to.value());
  log::warn("discard_to: '" + user + "' had the records above LSN " + number(to) + " forgotten: " +
            records + " of them, up to LSN " + number(last) + ", durable ones too");
  Status reloaded =
      server.on_each_lane([](core::CoreLoop& core) STATOR_ON(lane) { return core.reload(); });
  if (reloaded.ok()) {
    // A right that was given above the LSN must not be left over: the book is read anew as a whole.
    server.forget_policy();
    reloaded = server.on_each_lane([&](core::CoreLoop& core) STATOR_ON(lane) {
      server.load_policy(core.store());
      return ok_status();
    });
  }
  if (!reloaded.ok()) {
    // The log says one thing and this lane another; a start makes the lane from the log.
    log::error("discard_to: a lane cannot be made anew: " + reloaded.error().sentence());
    STATOR_ASSERT(false);
  }
  return R"({"lsn":)" + number(to) + R"(,"discarded":)" + records + "}";
}

}  // namespace stator::server
