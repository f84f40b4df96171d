// A batch: the unit of commit. Its bytes are the same in a local file and in a remote log
// (docs/formats/wal.md draws them). A lane fills one per write request; the log seals it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace stator::wal {

// One effect on one engine's state. Views are lent.
struct RecordView {
  EngineNumber engine;  // 0 = the kernel's own records
  std::uint32_t type = 0;
  TenantId tenant;
  VShardId vshard;  // kEveryVShard: every lane applies it
  ByteView collection;
  ByteView payload;
};

// Records under construction. Any one thread; reusable after clear().
class BatchBuilder {
 public:
  BatchBuilder();
  void clear();
  // Error: kResourcesExhausted beyond kBatchBytesMax.
  Status add(const RecordView& record);
  // All records of another builder, by its records(). The same error.
  Status add_all(ByteView records, std::uint32_t count);
  std::uint32_t count() const { return count_; }
  // Header (not sealed yet) and records.
  ByteView bytes() const { return buffer_; }
  // The records alone.
  ByteView records() const;

 private:
  friend class BatchSealer;
  std::string buffer_;
  std::uint32_t count_ = 0;
  std::uint32_t body_crc_ = 0;  // kept while adding: not summed under the log's lock
};

// The record that begins an epoch (Log::seal): the kernel's, for every lane, without content. Its batch's
// header says which epoch.
inline constexpr std::uint32_t kSealRecordType = 3;

// What the log knows of a batch when it seals it.
struct BatchSeal {
  std::uint32_t group = 0;
  std::uint32_t epoch = 0;
  Lsn first;
  std::uint64_t previous_chain = 0;
  std::uint64_t time_ms = 0;
  // Every record below this LSN was durable before this batch was written. It tells damage (a bad
  // record that was acknowledged) from a torn commit (one that was not) when a log is opened.
  Lsn durable_before;
};

// Writes the seal into the builder's header and computes its CRC32C (the body's is kept by add()).
// Returns the chain hash of this batch, the next one's previous_chain.
class BatchSealer {
 public:
  static std::uint64_t seal(BatchBuilder& batch, const BatchSeal& seal);
};

// Walks over records that were checked before, or were just built.
class RecordCursor {
 public:
  explicit RecordCursor(ByteView records) : rest_(records) {}
  bool next(RecordView& record);

 private:
  ByteView rest_;
};

// A sealed batch as it is read back. Views point into the bytes it was opened from.
class BatchReader {
 public:
  // Checks magic, format, lengths and CRC of the batch at the front of `bytes` (which may hold more
  // behind it). Errors: kCorrupted with a sentence; kNotFound when `bytes` is too short to hold the
  // whole batch that its header announces, or the header itself (a torn tail looks so);
  // kUnsupported when the checksums are right and yet it is none of ours (a newer format).
  static Result<BatchReader> open(ByteView bytes);
  // Size of the batch at the front by its header alone, if that passes its checks.
  static std::optional<std::size_t> announced_size(ByteView bytes);
  std::size_t size() const { return bytes_.size(); }  // of the whole batch
  ByteView bytes() const { return bytes_; }
  const BatchSeal& seal() const { return seal_; }
  std::uint64_t chain() const { return chain_; }
  std::uint32_t count() const { return count_; }
  // The next record and its LSN; false at the end.
  bool next(RecordView& record, Lsn& lsn);

 private:
  BatchReader() = default;
  ByteView bytes_;
  ByteView rest_;
  BatchSeal seal_;
  std::uint64_t chain_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t done_ = 0;
};

}  // namespace stator::wal
