// What a data directory is: identity, hash key, number of lanes, which lane owns which vShard, and
// where the lanes' stores lie. One small file, LAYOUT, replaced atomically; its last member is a checksum.
//
//   DATA_DIR/LOCK            held while a server runs
//   DATA_DIR/LAYOUT          this
//   DATA_DIR/wal/            the log
//   DATA_DIR/store-G/lane-N  the stores of generation G (a change of lanes makes a new one)
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/hash.h"
#include "base/limits.h"
#include "base/result.h"
#include "io/file_system.h"

namespace stator::server {

struct Layout {
  HashKey hash_key;
  std::uint32_t lanes = 0;
  std::uint32_t generation = 1;
  std::array<std::uint16_t, kVShards> vshard_lane{};
};

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
