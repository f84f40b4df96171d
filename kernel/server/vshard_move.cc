#include "server/vshard_move.h"

#include <memory>
#include <vector>

#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "data/core/vshard_snapshot.h"

namespace stator::server {
namespace {

std::string snapshot_path(const std::string& data_dir) { return data_dir + "/vshard.snapshot"; }

Status remove_snapshot(io::FileSystem& files, const std::string& data_dir) {
  STATOR_TRY(const bool is_there, files.exists(snapshot_path(data_dir)));
  return is_there ? files.remove(snapshot_path(data_dir)) : ok_status();
}

class Move {
 public:
  Move(const StandingServer& server, VShardId vshard, LaneId from, LaneId to)
      : server_(server), layout_(*server.layout), vshard_(vshard), from_(from), to_(to) {}

  Result<std::string> run() STATOR_ON(background);

 private:
  Status save() { return save_layout(*server_.files, server_.data_dir, layout_); }
  Status copy() STATOR_ON(background);
  Status write(core::CoreLoop& core) STATOR_ON(lane);
  Status load(core::CoreLoop& core) STATOR_ON(lane);
  // From its success on the other lane is the owner.
  Status switch_owner();
  Status undo() STATOR_ON(background);
  Status finish() STATOR_ON(background);
  // Its failure costs nothing: a start finds a move whose other side is empty.
  void end();

  const StandingServer& server_;
  Layout& layout_;
  const VShardId vshard_;
  const LaneId from_;
  const LaneId to_;
  core::SnapshotFacts facts_;
};

// Both bases hold exactly what is durable: no record of the vShard is to be replayed, at neither
// lane.
Status Move::copy() {
  for (const LaneId lane : {from_, to_}) {
    STATOR_CHECK(server_.on_lane(
        lane, [](core::CoreLoop& core) STATOR_ON(lane) { return core.checkpoint(); }));
  }
  layout_.move = Layout::Move{vshard_, from_, to_};
  if (Status saved = save(); !saved.ok()) {
    layout_.move.reset();
    return saved;
  }
  STATOR_CHECK(remove_snapshot(*server_.files, server_.data_dir));
  STATOR_CHECK(
      server_.on_lane(from_, [this](core::CoreLoop& core) STATOR_ON(lane) { return write(core); }));
  return server_.on_lane(to_, [this](core::CoreLoop& core) STATOR_ON(lane) { return load(core); });
}

Status Move::write(core::CoreLoop& core) {
  STATOR_TRY(const std::unique_ptr<io::File> file,
             server_.files->create(snapshot_path(server_.data_dir)));
  const core::SnapshotHead head{.vshard = vshard_,
                                .lsn = core.store().applied(),
                                .placement = core::placement_check(layout_.hash_key)};
  STATOR_TRY(facts_, core::write_snapshot(core.store(), head, *file));
  return ok_status();
}

Status Move::load(core::CoreLoop& core) {
  STATOR_TRY(const std::unique_ptr<io::File> file,
             server_.files->open_to_read(snapshot_path(server_.data_dir)));
  const std::uint64_t placement = core::placement_check(layout_.hash_key);
  STATOR_TRY(const core::SnapshotFacts loaded, core::load_snapshot(core.store(), placement, *file));
  if (loaded.sum == facts_.sum && core::sum_of_vshard(core.store(), vshard_) == facts_.sum) {
    return ok_status();
  }
  return Error(ErrorCode::kCorrupted, "the copy of the vShard is not what was copied");
}

Status Move::switch_owner() {
  const Layout before = layout_;
  layout_.vshard_lane[vshard_.value()] = static_cast<std::uint16_t>(to_.value());
  ++layout_.version;
  Status saved = save();
  if (!saved.ok()) {
    // Only what is stored counts.
    auto stored = read_layout(*server_.files, server_.data_dir + "/LAYOUT");
    STATOR_ASSERT(stored.ok() && stored.value().version == before.version);
    layout_ = before;
    return saved;
  }
  server_.vshards->set_lane(vshard_, to_);
  return ok_status();
}

void Move::end() {
  Status removed = remove_snapshot(*server_.files, server_.data_dir);
  layout_.move.reset();
  Status saved = save();
  for (Status* status : {&removed, &saved}) {
    if (!status->ok())
      log::warn("vshard_move leaves something behind: " + status->error().sentence());
  }
}

Status Move::undo() {
  STATOR_CHECK(server_.on_lane(to_, [this](core::CoreLoop& core) STATOR_ON(lane) {
    return core::erase_vshard(core.store(), vshard_);
  }));
  end();
  return ok_status();
}

Status Move::finish() {
  const auto forget = [this](core::CoreLoop& core) STATOR_ON(lane) -> Status {
    STATOR_CHECK(core::erase_vshard(core.store(), vshard_));
    return core.reopen_engines();
  };
  STATOR_CHECK(server_.on_lane(from_, forget));
  STATOR_CHECK(server_.on_lane(
      to_, [](core::CoreLoop& core) STATOR_ON(lane) { return core.reopen_engines(); }));
  end();
  return ok_status();
}

Result<std::string> Move::run() {
  Status copied = copy();
  if (copied.ok()) copied = switch_owner();
  Status ended = copied.ok() ? finish() : layout_.move ? undo() : ok_status();
  if (!ended.ok()) {
    log::error("vshard_move: neither done nor undone, the next start ends it: " +
               ended.error().sentence());
    STATOR_ASSERT(false);
  }
  if (!copied.ok()) return std::move(copied.error());
  log::info("vShard " + std::to_string(vshard_.value()) + " moved from lane " +
            std::to_string(from_.value()) + " to lane " + std::to_string(to_.value()));
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("vshard", vshard_.value())
      .field("lane", to_.value())
      .field("entries", facts_.sum.entries)
      .field("version", layout_.version)
      .end_object();
  return std::string(out.view());
}

}  // namespace

Result<std::string> move_vshard(const StandingServer& server, VShardId vshard, LaneId to) {
  if (to.value() >= server.lanes()) {
    return Error(ErrorCode::kBadRequest, "lane",
                 "this server has lanes 0 to " + std::to_string(server.lanes() - 1));
  }
  // Lanes have said of each other that they hold nothing of it.
  if (is_dropping(server)) return drop_goes_on();
  const LaneId from = server.vshards->lane_of(vshard);
  if (from == to) {
    return Error(ErrorCode::kDuplicateWrite, "lane", "the lane owns the vShard already");
  }
  return Move(server, vshard, from, to).run();
}

Status end_broken_move(io::FileSystem& files, const std::string& data_dir, Layout& layout,
                       const std::vector<std::unique_ptr<store::Store>>& stores) {
  STATOR_CHECK(remove_snapshot(files, data_dir));
  if (!layout.move) return ok_status();
  const Layout::Move move = *layout.move;
  const LaneId owner{layout.vshard_lane[move.vshard.value()]};
  const LaneId other = owner == move.from ? move.to : move.from;
  if (other.value() >= stores.size() || other == owner) {
    return Error(ErrorCode::kCorrupted, "LAYOUT names a move between lanes that are not there");
  }
  log::warn("a move of vShard " + std::to_string(move.vshard.value()) + " was broken off; lane " +
            std::to_string(owner.value()) + " owns it");
  STATOR_CHECK(core::erase_vshard(*stores[other.value()], move.vshard));
  layout.move.reset();
  return save_layout(files, data_dir, layout);
}

}  // namespace stator::server
