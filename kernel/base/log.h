// The server's own log, for people and machines that operate it. Any thread.
//
// Text on a terminal, one JSON object a line otherwise; always on stderr, stdout belongs to the
// ready line. Never pass stored data or secrets.
#pragma once

#include <cstdint>
#include <string_view>

namespace stator::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

void set_level(Level level);
void write(Level level, std::string_view message);

inline void debug(std::string_view message) { write(Level::kDebug, message); }
inline void info(std::string_view message) { write(Level::kInfo, message); }
inline void warn(std::string_view message) { write(Level::kWarn, message); }
inline void error(std::string_view message) { write(Level::kError, message); }

}  // namespace stator::log
