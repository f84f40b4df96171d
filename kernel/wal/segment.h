// One file of the log: a block with the header, then commits, each in blocks of its own (whole
// batches one behind the other, zeros to the end of the block), zeros to the end.
// docs/formats/wal.md draws it. Used by the local log and its tools, which read through
// segment_reader.h: it knows encryption.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "io/file_system.h"
#include "wal/batch.h"
#include "wal/segment_cipher.h"

namespace stator::wal {

// Where a log stands between two batches.
struct LogPosition {
  Lsn next{1};              // of the first record of the next batch
  std::uint64_t chain = 0;  // of the last batch; its previous_chain
};

inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::size_t kSealedSegmentHeaderBytes = 128;

// The first block boundary at or behind `offset`.
constexpr std::uint64_t block_end(std::uint64_t offset) {
  return (offset + io::kBlockBytes - 1) / io::kBlockBytes * io::kBlockBytes;
}

// NNNNNNNNNNNNNNNNNNNN.wal; nothing for a name of another form.
std::string segment_name(Lsn first);
std::optional<Lsn> first_lsn_of(ByteView name);

// The file that is to become the next segment.
inline constexpr const char* kNextSegmentName = "next.tmp";

// The header of a segment that begins at `position`.
std::string segment_header(const LogPosition& position);
// The same of an encrypted one, with a salt that is drawn here, and the cipher of what follows.
struct SealedSegmentHeader {
  std::string bytes;
  SegmentCipher cipher;
};
SealedSegmentHeader sealed_segment_header(const LogPosition& position, KeyId id,
                                          const io::AesKey& key);

// Views into the segment.
struct SegmentHeader {
  LogPosition begin;
  std::optional<KeyId> key;  // nothing: it is plain
  ByteView common;           // what a plain one has, too
  ByteView salt;
  ByteView proof;
};
// Errors: kCorrupted with a sentence; kUnsupported for a header that is whole but of a newer
// format.
Result<SegmentHeader> read_segment_header(ByteView segment);

// How the walk over a segment's batches ended.
struct SegmentEnd {
  std::size_t offset = 0;   // behind the last good batch; where clean, the block of the next commit
  bool is_clean = false;    // nothing but zeros from there on
  bool is_foreign = false;  // a whole batch is there, but none of this log: never a torn write
  std::string reason;       // why what is there is no batch; empty if clean
};

// Sees a record that was read.
using RecordVisitor = std::function<void(const RecordView&)>;

// Of a plain segment: gives every batch that continues `position` to `visit` and moves `position`
// behind it. Stops at the first bytes that are no such batch, or with the first error of `visit`.
// visit(batch, its offset; in an encrypted segment that of its commit).
using BatchVisitor = std::function<Status(BatchReader&, std::size_t)>;
Result<SegmentEnd> walk_segment(ByteView segment, LogPosition& position, const BatchVisitor& visit);

// That a batch continues the log where it stands. Error: kCorrupted with a sentence.
Status check_continues(const BatchReader& batch, const LogPosition& position);

// Of a plain segment: a batch at or behind `offset`, where the log reads as broken off before
// `next`, that proves that what was written there had been durable: it is damaged, not torn. Its
// offset, if there is one.
std::optional<std::size_t> find_later_commit(ByteView segment, std::size_t offset, Lsn next);

}  // namespace stator::wal
