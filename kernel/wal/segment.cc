#include "wal/segment.h"

#include <algorithm>
#include <charconv>

#include "base/crc32c.h"

namespace stator::wal {
namespace {

constexpr std::uint32_t kMagic = 0x47455353;  // "SSEG"
constexpr std::uint16_t kFormat = 2;
constexpr std::size_t kAlignment = 8;  // of batches in a segment

constexpr std::size_t kAtMagic = 0;
constexpr std::size_t kAtFormat = 4;
constexpr std::size_t kAtFirst = 16;
constexpr std::size_t kAtPreviousChain = 24;
constexpr std::size_t kAtCrc = 60;

constexpr ByteView kSuffix = ".wal";
constexpr std::size_t kDigits = 20;  // of the largest LSN

Error corrupted(std::string sentence) { return Error(ErrorCode::kCorrupted, std::move(sentence)); }

bool is_zero(ByteView bytes) { return bytes.find_first_not_of('\0') == ByteView::npos; }

Status check_continues(const BatchSeal& seal, const LogPosition& position) {
  if (seal.first != position.next) {
    return corrupted("it begins at LSN " + std::to_string(seal.first.value()));
  }
  if (seal.previous_chain != position.chain) return corrupted("it continues another log");
  if (seal.epoch < position.epoch) return corrupted("it is of an epoch that was over");
  return ok_status();
}

}  // namespace

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
  std::string header(kSegmentHeaderBytes, '\0');
  store_little(header.data() + kAtMagic, kMagic);
  store_little(header.data() + kAtFormat, kFormat);
  store_little(header.data() + kAtFirst, position.next.value());
  store_little(header.data() + kAtPreviousChain, position.chain);
  store_little(header.data() + kAtCrc, crc32c(ByteView(header).substr(0, kAtCrc)));
  return header;
}

Result<LogPosition> read_segment_header(ByteView segment) {
  if (segment.size() < kSegmentHeaderBytes) return corrupted("the segment header is cut");
  const char* header = segment.data();
  if (load_little<std::uint32_t>(header + kAtMagic) != kMagic) {
    return corrupted("the segment header has a wrong magic");
  }
  if (load_little<std::uint32_t>(header + kAtCrc) != crc32c(segment.substr(0, kAtCrc))) {
    return corrupted("the segment header fails its checksum");
  }
  const auto format = load_little<std::uint16_t>(header + kAtFormat);
  if (format != kFormat) {
    return Error(ErrorCode::kUnsupported, "segment format " + std::to_string(format) +
                                              " is not known to this version (" +
                                              std::to_string(kFormat) + ")");
  }
  if (!is_zero(segment.substr(kSegmentHeaderBytes, io::kBlockBytes - kSegmentHeaderBytes))) {
    return corrupted("something stands behind the segment header");
  }
  return LogPosition{.next = Lsn{load_little<std::uint64_t>(header + kAtFirst)},
                     .chain = load_little<std::uint64_t>(header + kAtPreviousChain)};
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
    Status status =
        batch.ok() ? check_continues(batch.value().seal(), position) : Status(batch.error());
    if (!status.ok()) {
      end.is_foreign = batch.ok() || batch.error().code() == ErrorCode::kUnsupported;
      end.reason = status.error().sentence();
      return end;
    }
    const std::size_t size = batch.value().size();
    position.next = Lsn{position.next.value() + batch.value().count()};
    position.chain = batch.value().chain();
    position.epoch = batch.value().seal().epoch;
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
