// The answers of the parts of a split request, kept as one for a repeat. The engine makes the
// client's answer from any number of them, so a repeat may be split otherwise.
//
// Form: per part the bytes of its payload u32, how many LSNs it wants u32, where u32[], the
// payload.
#pragma once

#include "base/result.h"
#include "bridge/task.h"

namespace stator::bridge {

// Writes round.payload from what its items answer; before their LSN is filled in. Error
// kResourcesExhausted: larger than an answer may be.
Status write_part_answers(Task& round);

// The parts' payloads, with `lsn`, one after the other into item.payload; item.frame_ends says
// where each ends.
void read_part_answers(ByteView kept, Lsn lsn, Task& item);

}  // namespace stator::bridge
