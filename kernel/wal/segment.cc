#include "wal/segment.h"

#include <algorithm>
#include <charconv>

#include "base/crc32c.h"
#include "io/random.h"

namespace stator::wal {
namespace {

constexpr std::uint32_t kMagic = 0x47455353;  // "SSEG"
constexpr std::uint16_t kFormat = 3;
constexpr std::uint16_t kNoCipher = 0;
constexpr std::uint16_t kAesGcm = 1;  // AES-256-GCM under a key that HKDF-SHA-256 derives

constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtFormat = 4;
constexpr std::size_t kAtCipher = 6;
constexpr std::size_t kAtKey = 8;
constexpr std::size_t kAtFirst = 16;
constexpr std::size_t kAtPreviousChain = 24;
constexpr std::size_t kAtSalt = 64;
constexpr std::size_t kAtProof = 96;
constexpr std::size_t kAtCrc = 124;

constexpr ByteView kSuffix = ".wal";
constexpr std::size_t kDigits = 20;  // of the largest LSN

Error corrupted(std::string sentence) { return Error(ErrorCode::kCorrupted, std::move(sentence)); }

bool is_zero(ByteView bytes) { return bytes.find_first_not_of('\0') == ByteView::npos; }

}  // namespace

Status check_continues(const BatchSeal& seal, const LogPosition& position) {
  if (seal.first != position.next) {
    return corrupted("it begins at LSN " + std::to_string(seal.first.value()));
  }
  if (seal.previous_chain != position.chain) return corrupted("it continues another log");
  if (seal.epoch < position.epoch) return corrupted("it is of an epoch that was over");
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

NewSegment new_segment(const LogPosition& position, const std::optional<SegmentKey>& key) {
  std::string header(kSegmentHeaderBytes, '\0');
  store_little(header.data() + kAtMagic, kMagic);
  store_little(header.data() + kAtFormat, kFormat);
  store_little(header.data() + kAtCipher, key ? kAesGcm : kNoCipher);
  store_little(header.data() + kAtKey, key ? key->id.value() : 0u);
  store_little(header.data() + kAtFirst, position.next.value());
  store_little(header.data() + kAtPreviousChain, position.chain);
  io::fill_random({reinterpret_cast<std::uint8_t*>(header.data() + kAtSalt), kSaltBytes});
  const ByteView salt = ByteView(header).substr(kAtSalt, kSaltBytes);
  CommitCodec codec =
      key ? CommitCodec(key->id, key->key, ByteView(header).substr(0, kAtSalt), salt)
          : CommitCodec(salt);
  header.replace(kAtProof, io::kGcmTagBytes, codec.proof());
  store_little(header.data() + kAtCrc, crc32c(ByteView(header).substr(0, kAtCrc)));
  return {std::move(header), std::move(codec)};
}

namespace {

// That of an earlier build: whole, but not for us.
bool is_old_header(ByteView header) {
  constexpr std::uint16_t kOldFormat = 2;
  constexpr std::size_t kAtOldCrc = 60;
  return load_little<std::uint16_t>(header.data() + kAtFormat) == kOldFormat &&
         load_little<std::uint32_t>(header.data() + kAtOldCrc) ==
             crc32c(header.substr(0, kAtOldCrc));
}

}  // namespace

Result<SegmentHeader> read_segment_header(ByteView segment) {
  if (segment.size() < kSegmentHeaderBytes) return corrupted("the segment header is cut");
  const char* header = segment.data();
  if (load_little<std::uint32_t>(header + kAtMagic) != kMagic) {
    return corrupted("the segment header has a wrong magic");
  }
  if (is_old_header(segment)) {
    return Error(
        ErrorCode::kUnsupported,
        "segment format 2 is that of a build before the first release: load its data anew");
  }
  if (load_little<std::uint32_t>(header + kAtCrc) != crc32c(segment.substr(0, kAtCrc))) {
    return corrupted("the segment header fails its checksum");
  }
  const auto format = load_little<std::uint16_t>(header + kAtFormat);
  const auto cipher = load_little<std::uint16_t>(header + kAtCipher);
  if (format != kFormat || cipher > kAesGcm) {
    return Error(ErrorCode::kUnsupported,
                 "segment format " + std::to_string(format) + ", cipher " + std::to_string(cipher) +
                     " is not known to this version (" + std::to_string(kFormat) + ")");
  }
  if (!is_zero(segment.substr(kSegmentHeaderBytes, io::kBlockBytes - kSegmentHeaderBytes))) {
    return corrupted("something stands behind the segment header");
  }
  SegmentHeader read;
  read.begin = {.next = Lsn{load_little<std::uint64_t>(header + kAtFirst)},
                .chain = load_little<std::uint64_t>(header + kAtPreviousChain)};
  if (cipher == kAesGcm) read.key = KeyId{load_little<std::uint32_t>(header + kAtKey)};
  read.common = segment.substr(0, kAtSalt);
  read.salt = segment.substr(kAtSalt, kSaltBytes);
  read.proof = segment.substr(kAtProof, io::kGcmTagBytes);
  return read;
}

}  // namespace stator::wal
