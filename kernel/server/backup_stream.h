// A backup that goes to a client, in the parts of a stream (docs/streams.md): its files, piece by
// piece, each {"file","offset","data"} with base64 inside.
//
// The worker makes pieces ahead of the lane that asks for them, a few: then it waits, and nothing
// more is kept for a slow client. The snapshot of a store and the log wait with it: who takes
// nothing for too long gets no backup.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_buffer.h"
#include "base/limits.h"
#include "server/backup_done.h"
#include "server/backup_target.h"

namespace stator::server {

class BackupStream final : public BackupTarget {
 public:
  // `base_manifest`: text of the MANIFEST of the backup that it continues; empty: a full one.
  // `notify` is called when there is something to take for who asked, on any thread. `unread_ms`:
  // how long a piece waits for room.
  BackupStream(std::string base_manifest, std::function<void()> notify,
               std::uint64_t unread_ms = kBackupUnreadMs)
      : base_manifest_(std::move(base_manifest)),
        notify_(std::move(notify)),
        unread_ms_(unread_ms) {}

  // ---- the worker's thread
  Result<std::optional<ReadManifest>> read_base() override;
  std::string base_field() const override { return "base_manifest"; }
  Status begin() override { return ok_status(); }
  Status begin_file(const std::string& name) override;
  Status add(ByteView bytes) override STATOR_ON(background);
  Status end_file() override STATOR_ON(background);
  Status publish() override { return ok_status(); }
  void discard() override {}
  // How it ended; the last thing to be taken.
  void end(Result<BackupDone> result);

  // ---- any thread
  // Nobody asks any more: what waits to be taken fails, soon.
  void close();

  // ---- the lane's thread
  // Wants the next part; once, until it was taken.
  void ask();
  struct Part {
    ByteBuffer payload;                     // of some frames
    std::vector<std::uint32_t> ends;        // of each
    std::optional<Result<BackupDone>> end;  // instead
  };
  // What was asked for, if it is there.
  std::optional<Part> take();

 private:
  Status put(ByteView piece) STATOR_ON(background);

  const std::string base_manifest_;
  const std::function<void()> notify_;
  const std::uint64_t unread_ms_;
  std::string file_;          // that was begun; the worker's alone, as the next
  std::uint64_t offset_ = 0;  // in it

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool is_asked_ = false;
  bool is_closed_ = false;
  Part part_;  // that waits to be taken; its end may be there before
};

}  // namespace stator::server
