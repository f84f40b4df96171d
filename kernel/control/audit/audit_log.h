// The audit log: what administrators did, and who was turned away. Files of its own in DATA_DIR/audit.
//
// append() has the line in the file when it returns, so what a client was answered survives a kill -9;
// a thread syncs right behind it and then moves HEAD, so what HEAD names survives a power cut. When
// the files cannot be written, check() says so and administrative ops are refused. Files are never
// removed by the server.
//
// Any thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/thread_role.h"
#include "control/audit/audit_format.h"
#include "io/file_system.h"
#include "io/thread.h"

namespace stator::audit {

struct AuditOptions {
  std::string directory;
  std::uint64_t file_bytes = 16u << 20;  // at which the next file begins
};

class AuditLog {
 public:
  // Continues the chain. A torn last line (of a power cut) is cut off, which is noted; error kCorrupted
  // when the files end before HEAD, or their last line is damaged.
  static Result<std::unique_ptr<AuditLog>> open(io::FileSystem& files, Clock& clock, AuditOptions options);
  // Use open().
  AuditLog(io::FileSystem& files, Clock& clock, AuditOptions options)
      : files_(files), clock_(clock), options_(std::move(options)) {}
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  void append(const Event& event);
  // Error: the reason why the log cannot be written; kDiskFull heals, kStorage does not.
  Status check();

 private:
  Status open_last();
  Status cut_tail(const std::string& path, const std::string& text);
  // All: under the lock.
  Status begin_file(std::uint64_t first_sequence);
  Status make_room(std::unique_lock<std::mutex>& lock);
  Status write(const Event& event);
  bool is_writable();
  void fail(Error error);
  void sync_loop() STATOR_ON(background);

  io::FileSystem& files_;
  Clock& clock_;
  const AuditOptions options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Position last_;
  std::unique_ptr<io::File> file_;
  std::uint64_t file_end_ = 0;
  std::uint64_t synced_ = 0;  // sequence number
  bool is_syncing_ = false;   // file_ is used without the lock: it must stay
  Status failure_;
  std::uint64_t lost_ = 0;    // lines since the disk was full
  bool is_stopping_ = false;
  io::Thread thread_;
};

}  // namespace stator::audit
