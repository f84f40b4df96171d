#include "wal/segment_reader.h"

#include <algorithm>

namespace stator::wal {
namespace {

bool is_zero(ByteView bytes) { return bytes.find_first_not_of('\0') == ByteView::npos; }

Error unreadable(const std::string& path, KeyId id, const std::string& why) {
  return Error(ErrorCode::kCrypto, "segment " + path + " is encrypted with key " +
                                       std::to_string(id.value()) + ", " + why);
}

}  // namespace

Result<SegmentReader> SegmentReader::open(ByteView segment, const std::string& path,
                                          const KeyRing* keys) {
  STATOR_TRY(const SegmentHeader header, read_segment_header(segment));
  SegmentReader reader(segment, header.begin);
  if (!header.key) return reader;
  const std::string file = keys == nullptr ? "" : keys->path();
  if (file.empty()) {
    return unreadable(path, *header.key,
                      "and no key file is given: [encryption] key_file in the configuration, "
                      "--key-file for a command");
  }
  const auto key = keys->find(*header.key);
  if (!key) return unreadable(path, *header.key, "which " + file + " does not hold");
  reader.cipher_.emplace(*header.key, *key, header.common, header.salt);
  if (reader.cipher_->proof() != header.proof) {
    return unreadable(path, *header.key, "and " + file + " holds another key of that number");
  }
  return reader;
}

Result<SegmentEnd> SegmentReader::walk(LogPosition& position, const BatchVisitor& visit) {
  return cipher_ ? walk_sealed(position, visit) : walk_segment(segment_, position, visit);
}

// What was authenticated was written like this: if it does not fit here, it is no torn write.
Status SegmentReader::walk_commit(const OpenedCommit& commit, LogPosition& position,
                                  const BatchVisitor& visit, SegmentEnd& end) {
  ByteView rest = commit.batches;
  while (!rest.empty()) {
    auto batch = BatchReader::open(rest);
    Status status = batch.ok() ? check_continues(batch.value(), position) : Status(batch.error());
    if (!status.ok()) {
      end.is_foreign = true;
      end.reason = status.error().sentence();
      return ok_status();
    }
    position.next = Lsn{position.next.value() + batch.value().count()};
    position.chain = batch.value().chain();
    rest.remove_prefix(batch.value().size());
    STATOR_CHECK(visit(batch.value(), end.offset));
  }
  return ok_status();
}

Result<SegmentEnd> SegmentReader::walk_sealed(LogPosition& position, const BatchVisitor& visit) {
  SegmentEnd end;
  end.offset = io::kBlockBytes;
  for (;;) {
    const ByteView rest = from(end.offset);
    if (is_zero(rest.substr(0, kSealedHeaderBytes))) {
      end.is_clean = is_zero(rest);
      if (!end.is_clean) end.reason = "no commit begins here, but something follows";
      return end;
    }
    auto commit = cipher_->open(rest, end.offset, opened_);
    if (!commit.ok()) {
      end.is_foreign = commit.error().code() == ErrorCode::kUnsupported;
      end.reason = commit.error().sentence();
      return end;
    }
    STATOR_CHECK(walk_commit(commit.value(), position, visit, end));
    if (end.is_foreign) return end;
    const std::size_t behind = end.offset + commit.value().sealed_bytes;
    const std::size_t padding = block_end(behind) - behind;
    if (!is_zero(from(behind).substr(0, padding))) {
      end.offset = behind;
      end.reason = "something stands behind the commit";
      return end;
    }
    end.offset = behind + padding;
  }
}

std::optional<std::size_t> SegmentReader::find_later_commit(std::size_t offset, Lsn next) {
  if (!cipher_) return wal::find_later_commit(segment_, offset, next);
  // Nobody but the writer can make one, so each one that opens is a proof: all before it was
  // durable when it was written.
  for (offset = block_end(offset); offset < segment_.size(); offset += io::kBlockBytes) {
    auto commit = cipher_->open(from(offset), offset, opened_);
    if (commit.ok() && commit.value().first >= next) return offset;
  }
  return std::nullopt;
}

}  // namespace stator::wal
