// The form of the audit log (docs/formats/audit.md): one JSON object a line, each with the hash of the
// line before it, so that a line that was changed, moved, taken out or put in is seen.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stator::audit {

// What happened. No secret belongs in it.
struct Event {
  std::string_view event = {};    // "op", "auth", "start", "stop", "tail_cut"
  std::string_view user = {};
  std::uint32_t tenant = 0;  // 0 = none
  std::string_view address = {};
  std::string_view op = {};
  std::string_view details = {};  // JSON object text; empty = none
  std::string_view outcome = {};  // "ok" or a wire name of an error
};

// Place in the chain: of the last line.
struct Position {
  std::uint64_t sequence = 0;
  std::string hash = std::string(64, '0');  // SHA-256, hexadecimal
};

// The line behind `last`, without its '\n'; moves `last` on.
std::string make_line(Position& last, std::uint64_t time_ms, const Event& event);

// Checks that `line` follows `last` and moves it on. Error: kCorrupted, a sentence without place.
Status follow(Position& last, std::string_view line);

// Of a file: its name says which sequence number it begins with.
std::string file_name(std::uint64_t first_sequence);
bool parse_file_name(std::string_view name, std::uint64_t& first_sequence);

// The file HEAD: how far the log was synced.
std::string write_head(const Position& position);
Result<Position> read_head(std::string_view text);

}  // namespace stator::audit
