#include "server/backup_stream.h"

#include <chrono>
#include <utility>

#include "stator/json_writer.hpp"

#include "base/base64.h"
#include "base/limits.h"
#include "io/sha256.h"

namespace stator::server {
namespace {

// As many as make a part of a stream, in base64 and with what stands around it; no padding but at
// the end of a file.
constexpr std::size_t kPieceBytes = (kStreamChunkBytes - 256) / 4 * 3;

}  // namespace

Result<std::optional<ReadManifest>> BackupStream::read_base() {
  if (base_manifest_.empty()) return std::optional<ReadManifest>();
  auto parsed = parse_manifest(base_manifest_);
  if (!parsed.ok()) {
    return Error(
        ErrorCode::kBadRequest, "base_manifest",
        "'base_manifest' must be the text of a backup's MANIFEST: " + parsed.error().sentence());
  }
  return std::optional<ReadManifest>({parsed.take(), io::sha256_hex(base_manifest_)});
}

Status BackupStream::begin_file(const std::string& name) {
  file_ = name;
  offset_ = 0;
  return ok_status();
}

Status BackupStream::add(ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView piece = bytes.substr(0, kPieceBytes);
    STATOR_CHECK(put(piece));
    bytes.remove_prefix(piece.size());
  }
  return ok_status();
}

// An empty file is one piece without bytes.
Status BackupStream::end_file() { return offset_ == 0 ? put({}) : ok_status(); }

Status BackupStream::put(ByteView piece) {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("file", std::string_view(file_))
      .field("offset", offset_)
      .field("data", std::string_view(base64_encode(piece)))
      .end_object();
  std::unique_lock lock(mutex_);
  const auto has_room = [&] { return is_closed_ || part_.payload.size() < kBackupAheadBytes; };
  const bool is_taken = changed_.wait_for(lock, std::chrono::milliseconds(unread_ms_), has_room);
  if (is_closed_) return Error(ErrorCode::kCancelled, "the client wants no more of it");
  if (!is_taken) {
    return Error(ErrorCode::kDeadlineExceeded, "the client took nothing of the backup for " +
                                                   std::to_string(unread_ms_ / 1000) + " s");
  }
  part_.payload.append(out.view());
  part_.ends.push_back(static_cast<std::uint32_t>(part_.payload.size()));
  const bool is_awaited = is_asked_;
  lock.unlock();
  offset_ += piece.size();
  if (is_awaited) notify_();
  return ok_status();
}

void BackupStream::end(Result<BackupDone> result) {
  {
    const std::lock_guard lock(mutex_);
    part_.end = std::move(result);
  }
  notify_();
}

void BackupStream::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

void BackupStream::ask() {
  std::unique_lock lock(mutex_);
  is_asked_ = true;
  const bool is_there = part_.end || !part_.ends.empty();
  lock.unlock();
  if (is_there) notify_();
}

std::optional<BackupStream::Part> BackupStream::take() {
  const std::lock_guard lock(mutex_);
  if (!is_asked_ || (part_.ends.empty() && !part_.end)) return std::nullopt;
  is_asked_ = false;
  Part taken = std::exchange(part_, {});
  // The end comes by itself.
  if (!taken.ends.empty()) part_.end = std::exchange(taken.end, std::nullopt);
  changed_.notify_all();
  return taken;
}

}  // namespace stator::server
