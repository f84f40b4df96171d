// The log: the only way to durability, behind one interface. Nobody else knows files or offsets.
//
// Implementations: LocalLog (local_log.h, segment files and one writer thread) and SimLog
// (sim_log.h, memory, for tests; loses what was not made durable).
#pragma once

#include <cstdint>
#include <functional>

#include "base/ids.h"
#include "base/result.h"
#include "wal/batch.h"

namespace stator::wal {

// One log group: the unit of order and LSN. LSNs begin at 1 and have no gaps.
class Log {
 public:
  virtual ~Log() = default;

  // Gives the batch's records consecutive LSNs in the order of calls, seals it and queues it.
  // Returns the first LSN; durable() reaches the last one some time after the next flush() of any
  // thread. The batch may be cleared at once. Never waits for the disk. Any lane's thread. Error: kWal after a failed write (for ever),
  // kDiskFull while there is no space (heals).
  virtual Result<Lsn> append(BatchBuilder& batch, std::uint64_t time_ms) = 0;

  // Sends what is queued on its way to the disk. A lane calls it once a turn: everything that one
  // turn appended is then one commit, not two. Any thread; does nothing when nothing is queued.
  virtual void flush() = 0;

  // Every record up to here survives a crash. Never goes back. Any thread (acquire).
  virtual Lsn durable() const = 0;
  // Bytes of a torn tail that opening cut; nobody was told that they were durable. Any thread.
  virtual std::uint64_t torn_bytes() const { return 0; }
  // The last LSN given out. Any thread.
  virtual Lsn last() const = 0;
  // kDiskFull while there is no space; kWal for ever once the log cannot be written any more. Any
  // thread.
  virtual Status health() const = 0;

  // Called on the log's own thread after durable() or health() changed; must not block. To be
  // set before the first append.
  virtual void set_listener(std::function<void()> listener) = 0;

  // Hands every record from LSN `from` on to `visit`, in order; stops at its first error and
  // returns it. Only before the first append.
  // visit(record, lsn, time_ms of its batch).
  using Visitor = std::function<Status(const RecordView&, Lsn, std::uint64_t)>;
  virtual Status read(Lsn from, const Visitor& visit) = 0;
  // The same, and tells now and then how many bytes are read of those that are to be read.
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;
  virtual Status read_with_progress(Lsn from, const Visitor& visit, const Progress& progress) {
    static_cast<void>(progress);
    return read(from, visit);
  }

  // Records below `to` are no longer needed by anybody.
  virtual void trim(Lsn to) = 0;
  // Makes all that was appended durable and stops the writer. Idempotent.
  virtual void close() = 0;
};

}  // namespace stator::wal
