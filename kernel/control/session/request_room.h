// What the open requests of a lane's connections hold together, against what they may (ADR 48).
//
// Thread: the lane's.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/limits.h"

namespace stator::session {

struct RequestRoom {
  std::size_t bytes = 0;  // of tasks that have not rested; they count themselves out
  std::size_t bytes_max = kBufferedBytesMin;
  // It was reached, and the room is not an eighth free again.
  bool is_full = false;

  // A connection that holds so much is not read until it holds less.
  std::size_t of_connection() const { return bytes_max / kRequestRoomParts; }
  // What every connection may hold although the room is full: together as much as the room again.
  std::size_t in_full_room() const {
    return std::max(bytes_max / kConnectionsMax, kRequestBytesSmall);
  }
  // From here on those give way that wait for what may never come.
  bool is_pressed() const { return bytes >= bytes_max / 4 * 3; }
  void note_growth() { is_full |= bytes >= bytes_max; }
  // True: it has just ended to be full.
  bool note_shrinking() {
    if (!is_full || bytes >= bytes_max / 8 * 7) return false;
    is_full = false;
    return true;
  }
};

}  // namespace stator::session
