// The layout is drawn in docs/formats/wal.md. A batch is a header of 64 bytes and records that are
// each padded to 8 bytes; everything is little-endian. The header carries one CRC32C of the body
// and one of itself, so that lengths can be believed before the body is looked at.
#include "wal/batch.h"

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/limits.h"

namespace stator::wal {
namespace {

constexpr std::uint32_t kMagic = 0x4C415753;  // "SWAL"
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kAlignment = 8;

// Offsets in the header of a batch.
constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtFormat = 4;
constexpr std::size_t kAtFlags = 6;
constexpr std::size_t kAtGroup = 8;
constexpr std::size_t kAtEpoch = 12;
constexpr std::size_t kAtFirst = 16;
constexpr std::size_t kAtCount = 24;
constexpr std::size_t kAtBodyBytes = 28;
constexpr std::size_t kAtPreviousChain = 32;
constexpr std::size_t kAtTime = 40;
constexpr std::size_t kAtDurableBefore = 48;
constexpr std::size_t kAtBodyCrc = 56;
constexpr std::size_t kAtHeaderCrc = 60;
constexpr std::size_t kHeaderBytes = 64;

// Offsets in the header of a record.
constexpr std::size_t kAtRecordBytes = 0;
constexpr std::size_t kAtEngine = 4;
constexpr std::size_t kAtCollectionBytes = 6;
constexpr std::size_t kAtType = 8;
constexpr std::size_t kAtTenant = 12;
constexpr std::size_t kAtVShard = 16;
constexpr std::size_t kAtPayloadBytes = 20;
constexpr std::size_t kRecordHeaderBytes = 24;

constexpr std::size_t kCollectionBytesLimit = 0xffff;  // what its field holds

constexpr std::size_t padded(std::size_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

Error corrupted(std::string sentence) {
  return Error(ErrorCode::kCorrupted, "wal batch: " + std::move(sentence));
}

// Its checksums are right, so it was written like this; not by us.
Error foreign(std::string sentence) {
  return Error(ErrorCode::kUnsupported, "wal batch: " + std::move(sentence));
}

template <class T>
T field(ByteView bytes, std::size_t at) {
  return load_little<T>(bytes.data() + at);
}

// 64 bits over the sealed header, which holds the CRC of the body. Not secret: it guards the order
// of batches against accidents, not against people.
std::uint64_t chain_of(ByteView header) {
  return keyed_hash(HashKey{}, header.substr(0, kHeaderBytes));
}

// Takes the record at the front of `rest` off it.
Status take_record(ByteView& rest, RecordView& record) {
  if (rest.size() < kRecordHeaderBytes) return foreign("a record header is cut");
  const std::size_t bytes = field<std::uint32_t>(rest, kAtRecordBytes);
  const std::size_t collection = field<std::uint16_t>(rest, kAtCollectionBytes);
  const std::size_t payload = field<std::uint32_t>(rest, kAtPayloadBytes);
  const std::size_t content = kRecordHeaderBytes + collection + payload;
  if (bytes > rest.size()) return foreign("a record is longer than its batch");
  if (bytes != padded(content)) return foreign("the lengths of a record disagree");
  const ByteView padding = rest.substr(content, bytes - content);
  if (padding.find_first_not_of('\0') != ByteView::npos) {
    return foreign("the padding of a record is not zero");
  }
  record.engine = EngineNumber{field<std::uint16_t>(rest, kAtEngine)};
  record.type = field<std::uint32_t>(rest, kAtType);
  record.tenant = TenantId{field<std::uint32_t>(rest, kAtTenant)};
  record.vshard = VShardId{field<std::uint32_t>(rest, kAtVShard)};
  record.collection = rest.substr(kRecordHeaderBytes, collection);
  record.payload = rest.substr(kRecordHeaderBytes + collection, payload);
  rest.remove_prefix(bytes);
  return ok_status();
}

Status check_records(ByteView body, std::uint32_t count) {
  RecordView record;
  std::uint32_t found = 0;
  while (!body.empty()) {
    STATOR_CHECK(take_record(body, record));
    ++found;
  }
  return found == count ? ok_status() : Status(foreign("the number of records is wrong"));
}

Status check_header(ByteView header) {
  if (field<std::uint32_t>(header, kAtMagic) != kMagic) return corrupted("wrong magic");
  if (crc32c(header.substr(0, kAtHeaderCrc)) != field<std::uint32_t>(header, kAtHeaderCrc)) {
    return corrupted("the header fails its checksum");
  }
  const auto format = field<std::uint16_t>(header, kAtFormat);
  if (format != kFormat) {
    return foreign("format " + std::to_string(format) + " is not known to this version (" +
                   std::to_string(kFormat) + ")");
  }
  if (field<std::uint16_t>(header, kAtFlags) != 0) return foreign("unknown flags");
  const std::size_t body = field<std::uint32_t>(header, kAtBodyBytes);
  if (body % kAlignment != 0 || body > kBatchBytesMax - kHeaderBytes) {
    return foreign("the length of the body is impossible");
  }
  const auto first = field<std::uint64_t>(header, kAtFirst);
  const std::uint64_t count = field<std::uint32_t>(header, kAtCount);
  if (first == 0 || count == 0 || first + count < first) return foreign("the LSNs are impossible");
  if (field<std::uint64_t>(header, kAtDurableBefore) > first) {
    return foreign("it claims that a later record was durable before it");
  }
  return ok_status();
}

}  // namespace

BatchBuilder::BatchBuilder() { clear(); }

void BatchBuilder::clear() {
  buffer_.assign(kHeaderBytes, '\0');
  count_ = 0;
  body_crc_ = 0;
}

Status BatchBuilder::add(const RecordView& record) {
  if (record.payload.size() > kRecordBytesMax || record.collection.size() > kCollectionBytesLimit) {
    return Error(ErrorCode::kResourcesExhausted, "the record is too large for the log");
  }
  const std::size_t content = kRecordHeaderBytes + record.collection.size() + record.payload.size();
  const std::size_t bytes = padded(content);
  if (bytes > kBatchBytesMax - buffer_.size()) {
    return Error(ErrorCode::kResourcesExhausted,
                 "the records of one write exceed " + std::to_string(kBatchBytesMax) + " bytes");
  }
  const std::size_t start = buffer_.size();
  char header[kRecordHeaderBytes];
  store_little(header + kAtRecordBytes, static_cast<std::uint32_t>(bytes));
  store_little(header + kAtEngine, record.engine.value());
  store_little(header + kAtCollectionBytes, static_cast<std::uint16_t>(record.collection.size()));
  store_little(header + kAtType, record.type);
  store_little(header + kAtTenant, record.tenant.value());
  store_little(header + kAtVShard, record.vshard.value());
  store_little(header + kAtPayloadBytes, static_cast<std::uint32_t>(record.payload.size()));
  buffer_.append(header, sizeof header);
  buffer_.append(record.collection);
  buffer_.append(record.payload);
  buffer_.append(bytes - content, '\0');
  body_crc_ = crc32c(ByteView(buffer_).substr(start), body_crc_);
  ++count_;
  return ok_status();
}

ByteView BatchBuilder::records() const { return ByteView(buffer_).substr(kHeaderBytes); }

Status BatchBuilder::add_all(ByteView records, std::uint32_t count) {
  if (records.size() > kBatchBytesMax - buffer_.size()) {
    return Error(ErrorCode::kResourcesExhausted,
                 "the records of one write exceed " + std::to_string(kBatchBytesMax) + " bytes");
  }
  buffer_.append(records);
  body_crc_ = crc32c(records, body_crc_);
  count_ += count;
  return ok_status();
}

bool RecordCursor::next(RecordView& record) {
  if (rest_.empty()) return false;
  const Status taken = take_record(rest_, record);
  STATOR_ASSERT(taken.ok());
  return true;
}

std::uint64_t BatchSealer::seal(BatchBuilder& batch, const BatchSeal& seal) {
  STATOR_ASSERT(batch.count_ > 0);
  STATOR_ASSERT(seal.first > Lsn{0} && seal.durable_before <= seal.first);
  STATOR_ASSERT(batch.buffer_.size() <= kBatchBytesMax);
  char* header = batch.buffer_.data();
  const auto body = static_cast<std::uint32_t>(batch.buffer_.size() - kHeaderBytes);
  store_little(header + kAtMagic, kMagic);
  store_little(header + kAtFormat, kFormat);
  store_little(header + kAtFlags, std::uint16_t{0});
  store_little(header + kAtGroup, seal.group);
  store_little(header + kAtEpoch, seal.epoch);
  store_little(header + kAtFirst, seal.first.value());
  store_little(header + kAtCount, batch.count_);
  store_little(header + kAtBodyBytes, body);
  store_little(header + kAtPreviousChain, seal.previous_chain);
  store_little(header + kAtTime, seal.time_ms);
  store_little(header + kAtDurableBefore, seal.durable_before.value());
  store_little(header + kAtBodyCrc, batch.body_crc_);
  store_little(header + kAtHeaderCrc, crc32c(ByteView(header, kAtHeaderCrc)));
  return chain_of(ByteView(header, kHeaderBytes));
}

std::optional<std::size_t> BatchReader::announced_size(ByteView bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  if (!check_header(bytes.substr(0, kHeaderBytes)).ok()) return std::nullopt;
  return kHeaderBytes + field<std::uint32_t>(bytes, kAtBodyBytes);
}

Result<BatchReader> BatchReader::open(ByteView bytes) {
  if (bytes.size() < kHeaderBytes)
    return Error(ErrorCode::kNotFound, "wal batch: the header is cut");
  const ByteView header = bytes.substr(0, kHeaderBytes);
  STATOR_CHECK(check_header(header));
  const std::size_t size = kHeaderBytes + field<std::uint32_t>(header, kAtBodyBytes);
  if (bytes.size() < size) return Error(ErrorCode::kNotFound, "wal batch: the body is cut");
  const ByteView body = bytes.substr(kHeaderBytes, size - kHeaderBytes);
  if (crc32c(body) != field<std::uint32_t>(header, kAtBodyCrc)) {
    return corrupted("the body fails its checksum");
  }
  BatchReader reader;
  reader.count_ = field<std::uint32_t>(header, kAtCount);
  STATOR_CHECK(check_records(body, reader.count_));
  reader.rest_ = body;
  reader.bytes_ = bytes.substr(0, size);
  reader.chain_ = chain_of(header);
  reader.seal_ = BatchSeal{.group = field<std::uint32_t>(header, kAtGroup),
                           .epoch = field<std::uint32_t>(header, kAtEpoch),
                           .first = Lsn{field<std::uint64_t>(header, kAtFirst)},
                           .previous_chain = field<std::uint64_t>(header, kAtPreviousChain),
                           .time_ms = field<std::uint64_t>(header, kAtTime),
                           .durable_before = Lsn{field<std::uint64_t>(header, kAtDurableBefore)}};
  return reader;
}

bool BatchReader::next(RecordView& record, Lsn& lsn) {
  if (done_ == count_) return false;
  const bool is_whole = take_record(rest_, record).ok();
  STATOR_ASSERT(is_whole);  // open() looked at every record
  lsn = Lsn{seal_.first.value() + done_};
  ++done_;
  return true;
}

}  // namespace stator::wal
