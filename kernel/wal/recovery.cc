#include "wal/recovery.h"

#include "base/log.h"

namespace stator::wal {
namespace {

Error refusal(const CheckOptions& options, const LogCheck& check) {
  const LogFault& damage = *check.damage;
  return Error(ErrorCode::kCorrupted, "the log is damaged: segment " + damage.path + ", offset " +
                                          std::to_string(damage.offset) + ": " + damage.reason +
                                          "; the last good LSN is " +
                                          std::to_string(check.last_good().value()) + "; " +
                                          way_on(options, check));
}

Status cut_torn_tail(io::FileSystem& files, const LogCheck& check) {
  const LogFault& torn = *check.torn;
  log::warn("cut the torn tail of the log: segment " + torn.path + ", offset " +
            std::to_string(torn.offset) + ": " + torn.reason + "; the last good LSN is " +
            std::to_string(check.last_good().value()));
  // Zeros, not a shorter file: its blocks stay written, so the next commit only overwrites them.
  STATOR_TRY(const std::unique_ptr<io::File> file, files.open(torn.path));
  STATOR_CHECK(file->write_at(torn.offset, std::string(torn.end - torn.offset, '\0')));
  return file->sync();
}

}  // namespace

std::optional<Lsn> cut_target(const CheckOptions& options, const LogCheck& check) {
  if (check.damage->is_foreign || check.damage->is_stray) return std::nullopt;
  if (check.last_good().value() >= options.newest_held && check.has_beginning())
    return check.last_good();
  if (options.is_all_held()) return Lsn{options.newest_held};
  return std::nullopt;
}

std::string way_on(const CheckOptions& options, const LogCheck& check) {
  if (check.damage->is_stray) {
    return "nothing is cut: move the file that is none of this log to another place ('statord wal "
           "inspect' shows where each segment begins and ends), and look at the rest again";
  }
  if (check.damage->is_foreign) {
    return "nothing is cut: these are records of a newer version or of another log; start the "
           "version that "
           "wrote them, or restore from a backup";
  }
  const auto target = cut_target(options, check);
  if (!target && !check.has_beginning()) {
    return "nothing before it is there, so the log cannot be cut: restore from a backup";
  }
  if (!target) {
    return "the stores hold records up to LSN " + std::to_string(options.newest_held) +
           ", so the log cannot be cut there: restore from a backup";
  }
  const std::string to = std::to_string(target->value());
  const bool is_behind = *target > check.last_good();
  return "restore from a backup, or go on without the records above LSN " + to +
         (is_behind ? ", up to which the stores hold everything; later ones are lost then"
                    : ", which are lost then") +
         ": start once with 'statord serve --recover-to " + to +
         "' and the usual options, or run '" +
         cut_command(options.directory, *target, options.keys) + "'";
}

Result<RecoveredLog> recover_log(io::FileSystem& files, const LocalLogOptions& options) {
  STATOR_CHECK(files.make_directory(options.directory));
  const CheckOptions needed{.directory = options.directory,
                            .oldest_needed = options.oldest_needed,
                            .newest_held = options.newest_held,
                            .is_whole = false,
                            .on_record = options.on_record,
                            .keys = options.keys};
  STATOR_TRY(LogCheck check, check_log(files, needed));
  if (check.damage) return refusal(needed, check);
  if (check.torn) STATOR_CHECK(cut_torn_tail(files, check));
  const std::uint64_t torn_bytes = check.torn ? check.torn->end - check.torn->offset : 0;
  return RecoveredLog{std::move(check.segments), check.position, check.offset, torn_bytes};
}

}  // namespace stator::wal
