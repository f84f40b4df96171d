// One file of the log: a block with the header, then commits, each in blocks of its own.
// docs/formats/wal.md draws it. Used by the local log and its tools, which read through
// segment_reader.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "io/file_system.h"
#include "wal/batch.h"
#include "wal/commit_codec.h"

namespace stator::wal {

// Where a log stands between two batches.
struct LogPosition {
  Lsn next{1};              // of the first record of the next batch
  std::uint64_t chain = 0;  // of the last batch; its previous_chain
  std::uint32_t epoch = 0;  // of the last batch, as far as one was looked at
};

// Errors: kCorrupted when a batch with this seal is not what goes on at `position`.
Status check_continues(const BatchSeal& seal, const LogPosition& position);

inline constexpr std::size_t kSegmentHeaderBytes = 128;

// The first block boundary at or behind `offset`.
constexpr std::uint64_t block_end(std::uint64_t offset) {
  return (offset + io::kBlockBytes - 1) / io::kBlockBytes * io::kBlockBytes;
}

// NNNNNNNNNNNNNNNNNNNN.wal; nothing for a name of another form.
std::string segment_name(Lsn first);
std::optional<Lsn> first_lsn_of(ByteView name);

// The file that is to become the next segment.
inline constexpr const char* kNextSegmentName = "next.tmp";
// Files of segments that nobody needs, kept to become later ones.
inline constexpr const char* kKeptSegmentNames[] = {"kept-1.tmp", "kept-2.tmp"};

// The key that a segment is encrypted with.
struct SegmentKey {
  KeyId id;
  io::AesKey key;
};

// The header of a segment that begins at `position`, with a salt that is drawn here, and the codec
// of its commits. Without a key: plain.
struct NewSegment {
  std::string header;
  CommitCodec codec;
};
NewSegment new_segment(const LogPosition& position, const std::optional<SegmentKey>& key);

// Views into the segment.
struct SegmentHeader {
  LogPosition begin;
  std::optional<KeyId> key;  // nothing: it is plain
  ByteView common;           // what stands before the salt
  ByteView salt;
  ByteView proof;
};
// Errors: kCorrupted with a sentence; kUnsupported for a header that is whole but of another
// format.
Result<SegmentHeader> read_segment_header(ByteView segment);

}  // namespace stator::wal
