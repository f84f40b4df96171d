#include "wal/segment_cipher.h"

#include <span>

#include "base/assert.h"
#include "base/crc32c.h"
#include "io/random.h"

namespace stator::wal {
namespace {

constexpr std::uint32_t kMagic = 0x434D4353;  // "SCMC"
constexpr std::uint16_t kFormat = 1;

// Offsets in the header of a sealed commit.
constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtFormat = 4;
constexpr std::size_t kAtFirst = 8;
constexpr std::size_t kAtBytes = 16;
constexpr std::size_t kAtNonce = 20;
constexpr std::size_t kAtTag = 32;
constexpr std::size_t kAtCrc = 60;

constexpr std::size_t kNoncePrefixBytes = io::kGcmNonceBytes - sizeof(std::uint32_t);
constexpr ByteView kPurpose = "stator log segment 1";

Error corrupted(std::string sentence) {
  return Error(ErrorCode::kCorrupted, "sealed commit: " + std::move(sentence));
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  io::fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

// What the tag vouches for besides the batches: the place of the commit and what its header says.
std::string associated_with(ByteView header, std::uint64_t offset) {
  std::string associated;
  append_little(associated, offset);
  associated.append(header.substr(0, kAtNonce));
  return associated;
}

Status check_header(ByteView header) {
  if (load_little<std::uint32_t>(header.data() + kAtMagic) != kMagic) {
    return corrupted("wrong magic");
  }
  if (load_little<std::uint32_t>(header.data() + kAtCrc) != crc32c(header.substr(0, kAtCrc))) {
    return corrupted("the header fails its checksum");
  }
  return ok_status();
}

}  // namespace

SegmentCipher::SegmentCipher(KeyId id, const io::AesKey& key, ByteView header, ByteView salt)
    : id_(id),
      gcm_(io::derive_key(key, salt, std::string(kPurpose) + std::string(header))),
      nonce_prefix_(random_bytes(kNoncePrefixBytes)) {}

// The nonce of no commit: those count from 1.
std::string SegmentCipher::proof() {
  const std::string nonce(io::kGcmNonceBytes, '\0');
  std::string tag(io::kGcmTagBytes, '\0');
  gcm_.seal(nonce, kPurpose, {}, nullptr, tag.data());
  return tag;
}

void SegmentCipher::seal(ByteView batches, Lsn first, std::uint64_t offset, BlockBuffer& to) {
  STATOR_ASSERT(!batches.empty() && batches.size() <= io::kGcmBytesMax);
  ++commits_;
  STATOR_ASSERT(commits_ != 0);  // a segment has no room for so many
  char* header = to.extend(sealed_bytes(batches.size()));
  std::memset(header, 0, kSealedHeaderBytes);
  store_little(header + kAtMagic, kMagic);
  store_little(header + kAtFormat, kFormat);
  store_little(header + kAtFirst, first.value());
  store_little(header + kAtBytes, static_cast<std::uint32_t>(batches.size()));
  std::memcpy(header + kAtNonce, nonce_prefix_.data(), kNoncePrefixBytes);
  store_little(header + kAtNonce + kNoncePrefixBytes, commits_);
  gcm_.seal({header + kAtNonce, io::kGcmNonceBytes},
            associated_with({header, kSealedHeaderBytes}, offset), batches,
            header + kSealedHeaderBytes, header + kAtTag);
  store_little(header + kAtCrc, crc32c(ByteView(header, kAtCrc)));
}

Result<OpenedCommit> SegmentCipher::open(ByteView bytes, std::uint64_t offset, ByteBuffer& to) {
  if (bytes.size() < kSealedHeaderBytes) return corrupted("the header is cut");
  const ByteView header = bytes.substr(0, kSealedHeaderBytes);
  STATOR_CHECK(check_header(header));
  const auto format = load_little<std::uint16_t>(header.data() + kAtFormat);
  if (format != kFormat) {
    return Error(ErrorCode::kUnsupported, "sealed commit: format " + std::to_string(format) +
                                              " is not known to this version (" +
                                              std::to_string(kFormat) + ")");
  }
  const std::size_t size = load_little<std::uint32_t>(header.data() + kAtBytes);
  const ByteView sealed = bytes.substr(kSealedHeaderBytes);
  if (size == 0 || size > sealed.size()) return corrupted("the end is cut");
  to.clear();
  if (!gcm_.open(header.substr(kAtNonce, io::kGcmNonceBytes), associated_with(header, offset),
                 sealed.substr(0, size), header.substr(kAtTag, io::kGcmTagBytes),
                 to.reserve(size))) {
    return corrupted("it fails its authentication");
  }
  to.commit(size);
  return OpenedCommit{to.view(), Lsn{load_little<std::uint64_t>(header.data() + kAtFirst)},
                      sealed_bytes(size)};
}

}  // namespace stator::wal
