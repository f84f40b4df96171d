#include "wal/segment.h"

#include <algorithm>
#include <charconv>

#include "base/crc32c.h"
#include "io/random.h"

namespace stator::wal {
namespace {

constexpr std::uint32_t kMagic = 0x47455353;  // "SSEG"
constexpr std::uint16_t kFormat = 2;
constexpr std::uint16_t kSealedFormat = 3;
constexpr std::uint16_t kCipher = 1;   // AES-256-GCM under a key that HKDF-SHA-256 derives
constexpr std::size_t kAlignment = 8;  // of batches in a segment

constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtFormat = 4;
constexpr std::size_t kAtCipher = 6;
constexpr std::size_t kAtKey = 8;
constexpr std::size_t kAtFirst = 16;
constexpr std::size_t kAtPreviousChain = 24;
constexpr std::size_t kAtCrc = 60;
// Of a sealed segment alone.
constexpr std::size_t kAtSalt = 64;
constexpr std::size_t kSaltBytes = 32;
constexpr std::size_t kAtProof = 96;
constexpr std::size_t kAtSealedCrc = 124;

constexpr ByteView kSuffix = ".wal";
constexpr std::size_t kDigits = 20;  // of the largest LSN

Error corrupted(std::string sentence) { return Error(ErrorCode::kCorrupted, std::move(sentence)); }

bool is_zero(ByteView bytes) { return bytes.find_first_not_of('\0') == ByteView::npos; }

bool has_crc(ByteView header, std::size_t from, std::size_t at) {
  return load_little<std::uint32_t>(header.data() + at) == crc32c(header.substr(from, at - from));
}

std::string common_header(const LogPosition& position, std::uint16_t format) {
  std::string header(kSegmentHeaderBytes, '\0');
  store_little(header.data() + kAtMagic, kMagic);
  store_little(header.data() + kAtFormat, format);
  store_little(header.data() + kAtFirst, position.next.value());
  store_little(header.data() + kAtPreviousChain, position.chain);
  return header;
}

void add_crc(std::string& header, std::size_t from, std::size_t at) {
  store_little(header.data() + at, crc32c(ByteView(header).substr(from, at - from)));
}

Status check_sealed(ByteView segment) {
  if (segment.size() < kSealedSegmentHeaderBytes) return corrupted("the segment header is cut");
  if (!has_crc(segment, kSegmentHeaderBytes, kAtSealedCrc)) {
    return corrupted("the segment header fails its checksum");
  }
  const auto cipher = load_little<std::uint16_t>(segment.data() + kAtCipher);
  if (cipher == kCipher) return ok_status();
  return Error(ErrorCode::kUnsupported,
               "cipher " + std::to_string(cipher) + " is not known to this version");
}

}  // namespace

Status check_continues(const BatchReader& batch, const LogPosition& position) {
  const BatchSeal& seal = batch.seal();
  if (seal.first != position.next) {
    return corrupted("it begins at LSN " + std::to_string(seal.first.value()));
  }
  if (seal.previous_chain != position.chain) return corrupted("it continues another log");
  return ok_status();
}

std::string segment_name(Lsn first) {
  const std::string digits = std::to_string(first.value());
  return std::string(kDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<Lsn> first_lsn_of(ByteView name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t first = 0;
  const char* end = name.data() + kDigits;
  const auto [stop, reason] = std::from_chars(name.data(), end, first);
  if (reason != std::errc() || stop != end || first == 0) return std::nullopt;
  return Lsn{first};
}

std::string segment_header(const LogPosition& position) {
  std::string header = common_header(position, kFormat);
  add_crc(header, 0, kAtCrc);
  return header;
}

SealedSegmentHeader sealed_segment_header(const LogPosition& position, KeyId id,
                                          const io::AesKey& key) {
  std::string header = common_header(position, kSealedFormat);
  store_little(header.data() + kAtCipher, kCipher);
  store_little(header.data() + kAtKey, id.value());
  add_crc(header, 0, kAtCrc);
  std::string salt(kSaltBytes, '\0');
  io::fill_random({reinterpret_cast<std::uint8_t*>(salt.data()), salt.size()});
  SegmentCipher cipher(id, key, header, salt);
  header.resize(kSealedSegmentHeaderBytes);
  header.replace(kAtSalt, salt.size(), salt);
  header.replace(kAtProof, io::kGcmTagBytes, cipher.proof());
  add_crc(header, kSegmentHeaderBytes, kAtSealedCrc);
  return {std::move(header), std::move(cipher)};
}

Result<SegmentHeader> read_segment_header(ByteView segment) {
  if (segment.size() < kSegmentHeaderBytes) return corrupted("the segment header is cut");
  const char* header = segment.data();
  if (load_little<std::uint32_t>(header + kAtMagic) != kMagic) {
    return corrupted("the segment header has a wrong magic");
  }
  if (!has_crc(segment, 0, kAtCrc)) return corrupted("the segment header fails its checksum");
  const auto format = load_little<std::uint16_t>(header + kAtFormat);
  if (format != kFormat && format != kSealedFormat) {
    return Error(ErrorCode::kUnsupported, "segment format " + std::to_string(format) +
                                              " is not known to this version (" +
                                              std::to_string(kSealedFormat) + ")");
  }
  const bool is_sealed = format == kSealedFormat;
  if (is_sealed) STATOR_CHECK(check_sealed(segment));
  const std::size_t size = is_sealed ? kSealedSegmentHeaderBytes : kSegmentHeaderBytes;
  if (!is_zero(segment.substr(size, io::kBlockBytes - size))) {
    return corrupted("something stands behind the segment header");
  }
  SegmentHeader read;
  read.begin = {.next = Lsn{load_little<std::uint64_t>(header + kAtFirst)},
                .chain = load_little<std::uint64_t>(header + kAtPreviousChain)};
  if (!is_sealed) return read;
  read.key = KeyId{load_little<std::uint32_t>(header + kAtKey)};
  read.common = segment.substr(0, kSegmentHeaderBytes);
  read.salt = segment.substr(kAtSalt, kSaltBytes);
  read.proof = segment.substr(kAtProof, io::kGcmTagBytes);
  return read;
}

Result<SegmentEnd> walk_segment(ByteView segment, LogPosition& position,
                                const BatchVisitor& visit) {
  SegmentEnd end;
  end.offset = io::kBlockBytes;
  for (;;) {
    const ByteView rest = segment.substr(std::min(end.offset, segment.size()));
    if (is_zero(rest.substr(0, kAlignment))) {
      const std::size_t padding = block_end(end.offset) - end.offset;
      const bool is_end = padding == 0 || padding >= rest.size();
      const ByteView zeros = is_end ? rest : rest.substr(0, padding);
      if (!is_zero(zeros)) {
        end.reason = "no batch begins here, but something follows";
        return end;
      }
      end.offset += padding;
      if (!is_end) continue;
      end.is_clean = true;
      return end;
    }
    auto batch = BatchReader::open(rest);
    Status status = batch.ok() ? check_continues(batch.value(), position) : Status(batch.error());
    if (!status.ok()) {
      end.is_foreign = batch.ok() || batch.error().code() == ErrorCode::kUnsupported;
      end.reason = status.error().sentence();
      return end;
    }
    const std::size_t size = batch.value().size();
    position.next = Lsn{position.next.value() + batch.value().count()};
    position.chain = batch.value().chain();
    STATOR_CHECK(visit(batch.value(), end.offset));
    end.offset += size;
  }
}

std::optional<std::size_t> find_later_commit(ByteView segment, std::size_t offset, Lsn next) {
  // A good header tells how far the bad batch goes; what is inside is the clients' and no proof.
  const ByteView bad = segment.substr(std::min(offset, segment.size()));
  offset += BatchReader::announced_size(bad).value_or(kAlignment);
  for (; offset + kAlignment <= segment.size(); offset += kAlignment) {
    auto batch = BatchReader::open(segment.substr(offset));
    if (!batch.ok()) continue;
    const BatchSeal& seal = batch.value().seal();
    // The second: no record is bad, but what stands between two commits.
    if (seal.durable_before > next || seal.first == next) return offset;
    offset += batch.value().size() - kAlignment;  // of the torn commit itself: look behind it
  }
  return std::nullopt;
}

}  // namespace stator::wal
