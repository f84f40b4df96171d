// Reads a segment, plain or encrypted: everything that reads a log goes through it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wal/commit_codec.h"
#include "wal/key_ring.h"
#include "wal/segment.h"
#include "wal/segment_bytes.h"

namespace stator::wal {

// How the walk over a segment's batches ended.
struct SegmentEnd {
  std::size_t offset = 0;   // where the next commit goes, or the bad one begins
  bool is_clean = false;    // no commit of this segment begins there or behind it
  bool is_foreign = false;  // what is there is whole, but none of this log: never a torn write
  std::string reason;       // why what is there is no commit; empty if clean
};

// Sees a record that was read.
using RecordVisitor = std::function<void(const RecordView&, Lsn)>;
// Sees a batch, and the offset of its commit.
using BatchVisitor = std::function<Status(BatchReader&, std::size_t)>;

// One thread.
class SegmentReader {
 public:
  // `keys` may be null; `path` is for messages. Errors: kCorrupted and kUnsupported with a sentence
  // about the header; kCrypto, naming segment and key, when the segment is encrypted and its key is
  // not at hand: the segment is not damaged then.
  // kStorage, here and below: its file cannot be read.
  static Result<SegmentReader> open(SegmentBytes segment, const std::string& path,
                                    const KeyRing* keys);
  // Bytes that outlive it.
  static Result<SegmentReader> open(ByteView segment, const std::string& path,
                                    const KeyRing* keys) {
    return open(SegmentBytes(segment), path, keys);
  }

  const LogPosition& begin() const { return begin_; }
  // Nothing: it is plain.
  std::optional<KeyId> key() const { return codec_.key_id(); }

  // Gives every batch that continues `position` to `visit` and moves `position` behind it, commit
  // by commit. Stops at the first bytes that are no commit that goes on, or with the first error of
  // `visit`. Of a commit all batches are given, or none (unless it is foreign).
  Result<SegmentEnd> walk(LogPosition& position, const BatchVisitor& visit);
  // A commit at or behind `offset`, where the log reads as broken off before `next`, that proves
  // that what was written there had been durable: it is damaged, not torn. Its offset.
  Result<std::optional<std::size_t>> find_later_commit(std::size_t offset, Lsn next);
  // Behind the last commit of this segment, whole or not, that begins at or behind `offset`; 0 if
  // none does.
  Result<std::size_t> end_of_commits(std::size_t offset);
  // For whoever goes on writing the segment. Ends the reading.
  CommitCodec take_codec() { return std::move(codec_); }

 private:
  SegmentReader(SegmentBytes segment, const LogPosition& begin, CommitCodec codec)
      : segment_(segment), begin_(begin), codec_(std::move(codec)) {}
  Status walk_commit(const OpenedCommit& commit, LogPosition& position, const BatchVisitor& visit,
                     SegmentEnd& end);
  // From `offset` on, with all of the commit that begins there. Lent until the next call.
  Result<ByteView> commit_at(std::size_t offset);

  SegmentBytes segment_;
  LogPosition begin_;
  CommitCodec codec_;
  ByteBuffer opened_;  // the commit that is looked at, if it was encrypted
};

}  // namespace stator::wal
