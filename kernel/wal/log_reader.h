// Reads a log while it is appended to: replay, backups and subscriptions pull batches with it.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "wal/batch.h"

namespace stator::wal {

// A place in a log, made by Log::reader(). Any thread, one at a time; not for longer than its log.
class LogReader {
 public:
  enum class Step {
    kBatch,    // batch() is the next one
    kEnd,      // all that is durable was given; there is more when durable() reaches position()
    kTrimmed,  // the record at position() is gone; Log::oldest() is the first that is left
  };
  virtual ~LogReader() = default;

  // Gives only what is durable, whole batches in order. The first one may begin before the LSN that
  // was asked for. Never waits for more to come. After kEnd, kTrimmed and errors the position is
  // unchanged. Errors: kCorrupted, kStorage.
  virtual Result<Step> next() = 0;
  // Of the last kBatch; lent until next() is called again.
  virtual BatchReader& batch() = 0;
  // The LSN from which on next() gives records.
  virtual Lsn position() const = 0;
};

}  // namespace stator::wal
