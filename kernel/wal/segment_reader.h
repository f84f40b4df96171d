// Reads a segment, plain or encrypted: everything that reads a log goes through it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wal/key_ring.h"
#include "wal/segment.h"
#include "wal/segment_cipher.h"

namespace stator::wal {

// One thread. The segment's bytes outlive it.
class SegmentReader {
 public:
  // `keys` may be null; `path` is for messages. Errors: kCorrupted and kUnsupported with a sentence
  // about the header; kCrypto, naming segment and key, when the segment is encrypted and its key is
  // not at hand: the segment is not damaged then.
  static Result<SegmentReader> open(ByteView segment, const std::string& path, const KeyRing* keys);

  const LogPosition& begin() const { return begin_; }
  // Nothing: it is plain.
  std::optional<KeyId> key() const {
    return cipher_ ? std::optional(cipher_->key_id()) : std::nullopt;
  }
  // As in segment.h. Of an encrypted commit all batches are given, or none.
  Result<SegmentEnd> walk(LogPosition& position, const BatchVisitor& visit);
  std::optional<std::size_t> find_later_commit(std::size_t offset, Lsn next);
  // For whoever goes on writing the segment. Ends the reading.
  std::optional<SegmentCipher> take_cipher() { return std::move(cipher_); }

 private:
  SegmentReader(ByteView segment, const LogPosition& begin) : segment_(segment), begin_(begin) {}
  Result<SegmentEnd> walk_sealed(LogPosition& position, const BatchVisitor& visit);
  Status walk_commit(const OpenedCommit& commit, LogPosition& position, const BatchVisitor& visit,
                     SegmentEnd& end);
  ByteView from(std::size_t offset) const {
    return segment_.substr(std::min(offset, segment_.size()));
  }

  ByteView segment_;
  LogPosition begin_;
  std::optional<SegmentCipher> cipher_;
  ByteBuffer opened_;  // the commit that is looked at
};

}  // namespace stator::wal
