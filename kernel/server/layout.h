// What a data directory is: identity, hash key, number of lanes, which log group and which lane own
// which vShard (by a stored table with a version, never by a formula), and where the lanes' stores
// lie. One small file, LAYOUT, replaced atomically; its last member is a checksum.
//
//   DATA_DIR/LOCK            held while a server runs
//   DATA_DIR/LAYOUT          this
//   DATA_DIR/wal/            the log
//   DATA_DIR/store-G/lane-N  the stores of generation G (a change of lanes makes a new one)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "io/file_system.h"

namespace stator::server {

struct Layout {
  HashKey hash_key;
  std::uint32_t lanes = 0;
  std::uint32_t generation = 1;
  // Of the placement: one more with each change of who owns what.
  std::uint64_t version = 1;
  // vShard -> log group; on one node there is group 0 alone.
  std::array<std::uint16_t, kVShards> vshard_group{};
  std::array<std::uint16_t, kVShards> vshard_lane{};
  // A vShard that was on its way to another lane: whichever of the two lanes does not own it may hold
  // a part of it, which is nobody's.
  struct Move {
    VShardId vshard;
    LaneId from;
    LaneId to;
  };
  std::optional<Move> move;
};

// Format 1 had neither version nor groups nor moves nor a checksum; it is read as version 1 of group 0.
inline constexpr std::uint32_t kLayoutFormat = 2;

// Reads DATA_DIR/LAYOUT (one of format 1, without a checksum, is written anew), or makes one for `lanes` lanes if the directory is new. Errors: kCorrupted
// (unreadable, damaged, of a newer version, or missing beside a log: a restore that was broken off).
Result<Layout> open_layout(io::FileSystem& files, const std::string& data_dir, std::uint32_t lanes);
// Of one file.
Result<Layout> read_layout(io::FileSystem& files, const std::string& path);
Status save_layout(io::FileSystem& files, const std::string& data_dir, const Layout& layout);

std::string store_directory(const std::string& data_dir, std::uint32_t generation);
std::string lane_directory(const std::string& store, std::uint32_t lane);

}  // namespace stator::server
