#include "wal/commit_codec.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "io/random.h"

namespace stator::wal {
namespace {

constexpr std::uint32_t kMagic = 0x544D4353;  // "SCMT"
constexpr std::uint16_t kFormat = 1;

// Offsets in the header of a commit.
constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtFormat = 4;
constexpr std::size_t kAtFirst = 8;
constexpr std::size_t kAtBytes = 16;
constexpr std::size_t kAtNonce = 20;
constexpr std::size_t kAtTag = 32;  // plain: CRC32C of the batches
constexpr std::size_t kAtMark = 56;

constexpr std::size_t kNoncePrefixBytes = io::kGcmNonceBytes - sizeof(std::uint32_t);
constexpr ByteView kPurpose = "stator log segment 1";

Error corrupted(std::string sentence) {
  return Error(ErrorCode::kCorrupted, "commit: " + std::move(sentence));
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  io::fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

// The offset of a commit and the first bytes of its header: what tag and mark vouch for.
class Placed {
 public:
  Placed(std::uint64_t offset, ByteView header) : size_(sizeof offset + header.size()) {
    STATOR_DASSERT(size_ <= sizeof bytes_);
    store_little(bytes_, offset);
    std::memcpy(bytes_ + sizeof offset, header.data(), header.size());
  }
  ByteView view() const { return {bytes_, size_}; }

 private:
  char bytes_[sizeof(std::uint64_t) + kAtMark];
  std::size_t size_;
};

// What the tag vouches for besides the batches: the place of the commit and what its header says.
Placed associated_with(ByteView header, std::uint64_t offset) {
  return {offset, header.substr(0, kAtNonce)};
}

}  // namespace

CommitCodec::CommitCodec(ByteView salt)
    : mark_key_{load_little<std::uint64_t>(salt.data()),
                load_little<std::uint64_t>(salt.data() + sizeof(std::uint64_t))} {
  STATOR_ASSERT(salt.size() == kSaltBytes);
}

CommitCodec::CommitCodec(KeyId id, const io::AesKey& key, ByteView header, ByteView salt)
    : CommitCodec(salt) {
  id_ = id;
  gcm_.emplace(io::derive_key(key, salt, std::string(kPurpose) + std::string(header)));
  nonce_prefix_ = random_bytes(kNoncePrefixBytes);
}

// The nonce of no commit: those count from 1.
std::string CommitCodec::proof() {
  std::string tag(io::kGcmTagBytes, '\0');
  if (gcm_) gcm_->seal(std::string(io::kGcmNonceBytes, '\0'), kPurpose, {}, nullptr, tag.data());
  return tag;
}

std::uint64_t CommitCodec::mark_of(ByteView header, std::uint64_t offset) const {
  return keyed_hash(mark_key_, Placed(offset, header.substr(0, kAtMark)).view());
}

void CommitCodec::seal(char* commit, std::size_t size, Lsn first, std::uint64_t offset) {
  STATOR_ASSERT(size > kCommitHeaderBytes && size <= io::kGcmBytesMax);
  char* batches = commit + kCommitHeaderBytes;
  const std::size_t bytes = size - kCommitHeaderBytes;
  const ByteView header(commit, kCommitHeaderBytes);
  std::memset(commit, 0, kCommitHeaderBytes);
  store_little(commit + kAtMagic, kMagic);
  store_little(commit + kAtFormat, kFormat);
  store_little(commit + kAtFirst, first.value());
  store_little(commit + kAtBytes, static_cast<std::uint32_t>(bytes));
  if (gcm_) {
    ++commits_;
    STATOR_ASSERT(commits_ != 0);  // a segment has no room for so many
    std::memcpy(commit + kAtNonce, nonce_prefix_.data(), kNoncePrefixBytes);
    store_little(commit + kAtNonce + kNoncePrefixBytes, commits_);
    gcm_->seal(header.substr(kAtNonce, io::kGcmNonceBytes), associated_with(header, offset).view(),
               {batches, bytes}, batches, commit + kAtTag);
  } else {
    store_little(commit + kAtTag, crc32c({batches, bytes}));
  }
  store_little(commit + kAtMark, mark_of(header, offset));
}

std::optional<std::size_t> CommitCodec::announced_size(ByteView bytes, std::uint64_t offset) const {
  if (bytes.size() < kCommitHeaderBytes) return std::nullopt;
  if (load_little<std::uint32_t>(bytes.data() + kAtMagic) != kMagic) return std::nullopt;
  if (load_little<std::uint64_t>(bytes.data() + kAtMark) != mark_of(bytes, offset)) {
    return std::nullopt;
  }
  return kCommitHeaderBytes + load_little<std::uint32_t>(bytes.data() + kAtBytes);
}

Result<OpenedCommit> CommitCodec::open(ByteView bytes, std::uint64_t offset, ByteBuffer& to) {
  const auto size = announced_size(bytes, offset);
  if (!size) return Error(ErrorCode::kNotFound, "no commit of this segment begins here");
  const ByteView header = bytes.substr(0, kCommitHeaderBytes);
  const auto format = load_little<std::uint16_t>(header.data() + kAtFormat);
  if (format != kFormat) {
    return Error(ErrorCode::kUnsupported, "commit: format " + std::to_string(format) +
                                              " is not known to this version (" +
                                              std::to_string(kFormat) + ")");
  }
  if (*size == kCommitHeaderBytes || *size > bytes.size()) return corrupted("the end is cut");
  ByteView batches = bytes.substr(kCommitHeaderBytes, *size - kCommitHeaderBytes);
  if (gcm_) {
    to.clear();
    if (!gcm_->open(header.substr(kAtNonce, io::kGcmNonceBytes),
                    associated_with(header, offset).view(), batches,
                    header.substr(kAtTag, io::kGcmTagBytes), to.reserve(batches.size()))) {
      return corrupted("it fails its authentication");
    }
    to.commit(batches.size());
    batches = to.view();
  } else if (crc32c(batches) != load_little<std::uint32_t>(header.data() + kAtTag)) {
    return corrupted("it fails its checksum");
  }
  return OpenedCommit{batches, Lsn{load_little<std::uint64_t>(header.data() + kAtFirst)}, *size};
}

}  // namespace stator::wal
