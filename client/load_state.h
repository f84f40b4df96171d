// How far a load has come, kept in a file between runs (--resume).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stator::client {

struct LoadState {
  // What is loaded where: a state serves the same load only.
  std::string collection;
  std::string format;
  std::string id_field;
  // Everything before this place was answered by the server, and nothing else is counted.
  std::uint64_t offset = 0;
  std::uint64_t lines = 0;
  std::string sha256;  // of the file up to there
  std::uint64_t documents = 0;
  std::uint64_t rejected = 0;
  std::uint64_t reject_bytes = 0;  // of the reject file
};

// Nothing where there is no such file. Throws Failure (usage) where it is not a state.
std::optional<LoadState> read_load_state(const std::string& path);
// Replaces the file as a whole, on the disk. Throws Failure (usage).
void write_load_state(const std::string& path, const LoadState& state);

}  // namespace stator::client
