// Commits as a segment holds them, plain or encrypted (docs/formats/wal.md draws them,
// docs/adr/0015-encryption.md and 0016-recycled-segments.md say why).
//
// A segment has a salt that no other one has. A commit's header carries a mark that is computed
// with it: what a file held before it was this segment, and what clients send, never looks like a
// commit. An encrypted segment has a key of its own, too, derived from the key file's with the
// salt. A nonce is a random number that this object drew when it was made, and a count: whoever
// opens a segment again and writes where a torn commit was never gives the same nonce twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "io/aes_gcm.h"
#include "wal/key_ring.h"

namespace stator::wal {

inline constexpr std::size_t kCommitHeaderBytes = 64;
inline constexpr std::size_t kSaltBytes = 32;

// A commit that was opened. The view lasts as long as the segment and the buffer are left alone.
struct OpenedCommit {
  ByteView batches;
  Lsn first;
  std::size_t size = 0;  // with its header
};

// One thread.
class CommitCodec {
 public:
  // Of a plain segment.
  explicit CommitCodec(ByteView salt);
  // Of an encrypted one; `header` is the part of its header that stands before the salt.
  CommitCodec(KeyId id, const io::AesKey& key, ByteView header, ByteView salt);

  // Nothing: plain.
  std::optional<KeyId> key_id() const { return id_; }
  // Stands in the segment's header: whoever has another key, or another header, gets another one.
  // Zeros of a plain one.
  std::string proof();

  // Makes a commit in place: kCommitHeaderBytes of room, then batches, the first record of which is
  // `first`. `offset` is its place in the segment.
  void seal(char* commit, std::size_t size, Lsn first, std::uint64_t offset);
  // Opens the commit at the front of `bytes` (which may hold more behind it), which stands at
  // `offset`; `to` is room for it. Errors: kNotFound when no commit of this segment begins here,
  // kCorrupted when one does and is not whole, kUnsupported when it is of a newer format.
  Result<OpenedCommit> open(ByteView bytes, std::uint64_t offset, ByteBuffer& to);
  // The bytes of the commit that begins here, whole or not, by its header alone.
  std::optional<std::size_t> announced_size(ByteView bytes, std::uint64_t offset) const;

 private:
  std::uint64_t mark_of(ByteView header, std::uint64_t offset) const;

  std::optional<KeyId> id_;
  HashKey mark_key_;
  std::optional<io::Aes256Gcm> gcm_;  // nothing: plain
  std::string nonce_prefix_;
  std::uint32_t commits_ = 0;  // sealed by this object
};

}  // namespace stator::wal
