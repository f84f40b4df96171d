// The encryption of one segment (docs/formats/wal.md draws it, docs/adr/0015-encryption.md says
// why).
//
// A sealed segment has a key of its own, derived from the key file's key and a salt that no other
// segment has; its header is bound into it. Each commit is sealed as a whole, at its place in the
// segment. A nonce is a random number that this object drew when it was made, and a count: whoever
// opens a segment again and writes where a torn commit was never gives the same nonce twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "io/aes_gcm.h"
#include "wal/block_buffer.h"
#include "wal/key_ring.h"

namespace stator::wal {

inline constexpr std::size_t kSealedHeaderBytes = 64;  // before a sealed commit

// A commit that was opened. The view lasts as long as the buffer is left alone.
struct OpenedCommit {
  ByteView batches;
  Lsn first;
  std::size_t sealed_bytes = 0;
};

// One thread.
class SegmentCipher {
 public:
  // `header` is the part of the segment's header that a plain one has, too.
  SegmentCipher(KeyId id, const io::AesKey& key, ByteView header, ByteView salt);

  KeyId key_id() const { return id_; }
  // Stands in the segment's header: whoever has another key, or another header, gets another one.
  std::string proof();

  static constexpr std::size_t sealed_bytes(std::size_t batches) {
    return kSealedHeaderBytes + batches;
  }
  // Appends the commit of these batches, the first record of which is `first`, for its place
  // `offset` in the segment.
  void seal(ByteView batches, Lsn first, std::uint64_t offset, BlockBuffer& to);
  // Opens the commit at the front of `bytes` (which may hold more behind it), which stands at
  // `offset`, into `to`. Error: kCorrupted with a sentence.
  Result<OpenedCommit> open(ByteView bytes, std::uint64_t offset, ByteBuffer& to);

 private:
  const KeyId id_;
  io::Aes256Gcm gcm_;
  std::string nonce_prefix_;
  std::uint32_t commits_ = 0;  // sealed by this object
};

}  // namespace stator::wal
