// The log: the only way to durability, behind one interface. Nobody else knows files or offsets.
//
// Implementations: LocalLog (local_log.h, segment files and one writer thread) and SimLog
// (sim_log.h, memory, for tests; loses what was not made durable).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "wal/batch.h"
#include "wal/log_reader.h"

namespace stator::wal {

// What trim() lets go as a whole.
struct LogPart {
  Lsn first;
  std::uint64_t bytes = 0;     // on the disk
  std::uint64_t begin_ms = 0;  // time of its first batch; 0: it has none yet, or cannot be read
};

// One log group: the unit of order and LSN. LSNs begin at 1 and have no gaps.
class Log {
 public:
  virtual ~Log() = default;

  // Gives the batch's records consecutive LSNs in the order of calls, seals it and queues it.
  // Returns the first LSN; durable() reaches the last one some time after the next flush() of any
  // thread. The batch may be cleared at once. Never waits for the disk. Any lane's thread. `epoch`
  // is the one in which the writer became the log's owner. Error: kFenced when that is over, kWal
  // after a failed write (for ever), kDiskFull while there is no space (heals).
  virtual Result<Lsn> append(BatchBuilder& batch, std::uint64_t time_ms,
                             std::uint32_t epoch = 0) = 0;

  // Ends every earlier epoch: their appends answer kFenced from now on, also after a restart once
  // the LSN that is returned is durable. Who takes a log over seals it first and reads its end
  // then. Error: kFenced when `epoch` is not later than the log's; as append().
  virtual Result<Lsn> seal(std::uint32_t epoch, std::uint64_t time_ms) = 0;
  virtual std::uint32_t epoch() const = 0;  // any thread

  // Sends what is queued on its way to the disk. A lane calls it once a turn: everything that one
  // turn appended is then one commit, not two. Any thread; does nothing when nothing is queued.
  virtual void flush() = 0;
  // The same, on the calling thread where that is possible at once: true when durable() has moved
  // and the listener was not called (the caller tells whoever else waits). False: it is as after
  // flush(). Waits for the disk as long as one commit takes. For a lane that has nothing else to
  // do: two hand-offs between threads are saved. Any thread.
  virtual bool commit_here() {
    flush();
    return false;
  }

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

  // Reads from the record with LSN `from` on, which may lie in the future. Any thread, at any time.
  virtual std::unique_ptr<LogReader> reader(Lsn from) = 0;
  // The first record that can still be read; behind durable(): none. Any thread.
  virtual Lsn oldest() const = 0;

  // Oldest first; never empty. Any thread.
  virtual std::vector<LogPart> parts() const = 0;

  // Records below `to` are no longer needed by anybody.
  virtual void trim(Lsn to) = 0;
  // Those below `to` are kept for readers alone: they go, oldest first, before the log says that
  // its disk is full. May go back, and forbids what was allowed then. Any thread.
  virtual void allow_trim(Lsn to) = 0;
  // Somebody else met the end of this disk: the log lets go of one file that only readers want, if there
  // is one. It happens later, on the log's own thread. Any thread.
  virtual void want_space() = 0;
  // Forgets every record above `to`, durable ones too: last() and durable() go back. The caller
  // sees to it that nobody appends meanwhile, that no store holds any of them, and that somebody
  // meant it. Readers that were made before give kFenced from then on. Blocks. Errors: kBadRequest
  // when `to` is not the end of a batch that is there (nothing happened); after any other the log
  // takes no writes.
  virtual Status discard_to(Lsn to) = 0;
  // Makes all that was appended durable and stops the writer. Idempotent.
  virtual void close() = 0;
};

// For implementations: the one record that begins an epoch, and what an owner of another one is
// told.
BatchBuilder seal_batch();
Error fenced(std::uint32_t epoch, std::uint32_t current);

// Hands every record that is durable now, from LSN `from` on, to `visit`, in order; stops at its
// first error and returns it. Tells now and then how many records are read of those that are to be
// read. visit(record, lsn, time_ms of its batch). Error: kNotFound when `from` is trimmed; the
// reader's.
using Visitor = std::function<Status(const RecordView&, Lsn, std::uint64_t)>;
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;
Status read_durable(Log& log, Lsn from, const Visitor& visit, const Progress& progress = {});

}  // namespace stator::wal
