#include "wal/recovery.h"

#include "base/log.h"

namespace stator::wal {
namespace {

Error refusal(const LocalLogOptions& options, const LogCheck& check) {
  const LogFault& damage = *check.damage;
  return Error(ErrorCode::kCorrupted, "the log is damaged: segment " + damage.path + ", offset " +
                                          std::to_string(damage.offset) + ": " + damage.reason +
                                          "; the last good LSN is " +
                                          std::to_string(check.last_good().value()) + "; " +
                                          way_on(options.directory, check, options.newest_held));
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

// DATA_DIR of DATA_DIR/wal, as a shell takes it.
std::string data_directory(const std::string& directory) {
  const std::size_t slash = directory.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : directory.substr(0, slash);
  constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,@%";
  if (!parent.empty() && parent.find_first_not_of(kPlain) == std::string::npos) return parent;
  std::string quoted = "'";
  for (const char c : parent) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// The first segment says where the log begins: without its header nothing can be kept.
bool has_beginning(const LogCheck& check) {
  const bool is_lost =
      check.damage->offset == 0 && check.damage->path == check.segments.front().path;
  return !is_lost || check.last_good() == Lsn{0};
}

}  // namespace

std::string cut_command(const std::string& directory, const LogCheck& check,
                        std::uint64_t newest_held) {
  const std::uint64_t last = check.last_good().value();
  if (last < newest_held || check.damage->is_foreign || !has_beginning(check)) return {};
  return "statord wal cut --data-dir " + data_directory(directory) + " --to " +
         std::to_string(last) + " --yes";
}

std::string way_on(const std::string& directory, const LogCheck& check, std::uint64_t newest_held) {
  const std::string last = std::to_string(check.last_good().value());
  if (check.damage->is_foreign) {
    return "nothing is cut: these are records of a newer version or of another log; start the "
           "version that "
           "wrote them, or restore from a backup";
  }
  if (check.last_good().value() < newest_held) {
    return "the stores hold records up to LSN " + std::to_string(newest_held) +
           ", so the log cannot be cut there: restore from a backup";
  }
  if (!has_beginning(check))
    return "nothing before it is there, so the log cannot be cut: restore from a backup";
  return "restore from a backup, or go on without the records above LSN " + last +
         ", which are lost then: start once with 'statord serve --recover-to " + last +
         "' and the usual options, or run '" + cut_command(directory, check, newest_held) + "'";
}

Result<RecoveredLog> recover_log(io::FileSystem& files, const LocalLogOptions& options) {
  STATOR_CHECK(files.make_directory(options.directory));
  STATOR_TRY(LogCheck check, check_log(files, {.directory = options.directory,
                                               .oldest_needed = options.oldest_needed,
                                               .newest_held = options.newest_held,
                                               .is_whole = false,
                                               .on_record = options.on_record}));
  if (check.damage) return refusal(options, check);
  if (check.torn) STATOR_CHECK(cut_torn_tail(files, check));
  return RecoveredLog{std::move(check.segments), check.position, check.offset};
}

}  // namespace stator::wal
