#include "wal/segment_reader.h"

#include <algorithm>

namespace stator::wal {
namespace {

Error unreadable(const std::string& path, KeyId id, const std::string& why) {
  return Error(ErrorCode::kCrypto, "segment " + path + " is encrypted with key " +
                                       std::to_string(id.value()) + ", " + why);
}

Result<CommitCodec> codec_of(const SegmentHeader& header, const std::string& path,
                             const KeyRing* keys) {
  if (!header.key) return CommitCodec(header.salt);
  const std::string file = keys == nullptr ? "" : keys->path();
  if (file.empty()) {
    return unreadable(path, *header.key,
                      "and no key file is given: [encryption] key_file in the configuration, "
                      "--key-file for a command");
  }
  const auto key = keys->find(*header.key);
  if (!key) return unreadable(path, *header.key, "which " + file + " does not hold");
  CommitCodec codec(*header.key, *key, header.common, header.salt);
  if (codec.proof() != header.proof) {
    return unreadable(path, *header.key, "and " + file + " holds another key of that number");
  }
  return codec;
}

}  // namespace

Result<SegmentReader> SegmentReader::open(SegmentBytes segment, const std::string& path,
                                          const KeyRing* keys) {
  STATOR_TRY(const ByteView block, segment.at(0, io::kBlockBytes));
  STATOR_TRY(const SegmentHeader header, read_segment_header(block));
  STATOR_TRY(CommitCodec codec, codec_of(header, path, keys));
  return SegmentReader(segment, header.begin, std::move(codec));
}

Result<ByteView> SegmentReader::commit_at(std::size_t offset) {
  STATOR_TRY(const ByteView bytes, segment_.at(offset, kCommitHeaderBytes));
  const std::size_t announced = codec_.announced_size(bytes, offset).value_or(0);
  return announced <= bytes.size() ? bytes : segment_.at(offset, announced);
}

// What was opened was written like this: if it does not fit here, it is no torn write.
Status SegmentReader::walk_commit(const OpenedCommit& commit, LogPosition& position,
                                  const BatchVisitor& visit, SegmentEnd& end) {
  ByteView rest = commit.batches;
  while (!rest.empty()) {
    auto batch = BatchReader::open(rest);
    Status status =
        batch.ok() ? check_continues(batch.value().seal(), position) : Status(batch.error());
    if (!status.ok()) {
      end.is_foreign = true;
      end.reason = status.error().sentence();
      return ok_status();
    }
    position.next = Lsn{position.next.value() + batch.value().count()};
    position.chain = batch.value().chain();
    position.epoch = batch.value().seal().epoch;
    rest.remove_prefix(batch.value().size());
    STATOR_CHECK(visit(batch.value(), end.offset));
  }
  return ok_status();
}

Result<SegmentEnd> SegmentReader::walk(LogPosition& position, const BatchVisitor& visit) {
  SegmentEnd end;
  end.offset = io::kBlockBytes;
  for (;;) {
    STATOR_TRY(const ByteView bytes, commit_at(end.offset));
    auto commit = codec_.open(bytes, end.offset, opened_);
    if (!commit.ok()) {
      end.is_clean = commit.error().code() == ErrorCode::kNotFound;
      end.is_foreign = commit.error().code() == ErrorCode::kUnsupported;
      if (end.is_clean) {
        STATOR_TRY(const auto later, find_later_commit(end.offset, position.next));
        end.is_clean = !later;
      }
      if (!end.is_clean) end.reason = commit.error().sentence();
      return end;
    }
    STATOR_CHECK(walk_commit(commit.value(), position, visit, end));
    if (end.is_foreign) return end;
    end.offset = block_end(end.offset + commit.value().size);
  }
}

// Nobody but the writer can make a commit of this segment: each one that opens proves that all
// before it was durable when it was written. What else the file holds is old, or a client's.
Result<std::optional<std::size_t>> SegmentReader::find_later_commit(std::size_t offset, Lsn next) {
  for (offset = block_end(offset); offset < segment_.size(); offset += io::kBlockBytes) {
    STATOR_TRY(const ByteView bytes, commit_at(offset));
    auto commit = codec_.open(bytes, offset, opened_);
    if (commit.ok() && commit.value().first >= next) return std::optional(offset);
  }
  return std::optional<std::size_t>();
}

Result<std::size_t> SegmentReader::end_of_commits(std::size_t offset) {
  std::size_t end = 0;
  for (offset = block_end(offset); offset < segment_.size(); offset += io::kBlockBytes) {
    STATOR_TRY(const ByteView bytes, segment_.at(offset, kCommitHeaderBytes));
    const auto size = codec_.announced_size(bytes, offset);
    if (size) end = std::max(end, std::min(offset + *size, segment_.size()));
  }
  return end;
}

}  // namespace stator::wal
