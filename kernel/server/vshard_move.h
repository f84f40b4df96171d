// The op `vshard_move`: another lane of this process becomes the owner of a vShard, by a snapshot
// that one lane writes and the other loads (data/core/vshard_snapshot.h).
//
// The stored placement decides who owns it. While a move is under way the placement names it, and a
// start after a crash erases what the lane that is not the owner holds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "server/layout.h"
#include "server/standing_server.h"

namespace stator::server {

// {"vshard":N,"lane":N,"entries":N,"version":N}. An error changes nothing; what cannot be undone
// half-way ends the process; a start finishes it.
Result<std::string> move_vshard(const StandingServer& server, VShardId vshard, LaneId to)
    STATOR_ON(background);

// After a start, with every lane's store open and before anything is applied: ends a move that a
// crash broke off.
Status end_broken_move(io::FileSystem& files, const std::string& data_dir, Layout& layout,
                       const std::vector<std::unique_ptr<store::Store>>& stores) STATOR_ON(lane);

}  // namespace stator::server
