// An answered task becomes a frame. Every frame is valid JSON whatever bytes users store: strings
// go through the one JSON writer, payloads are base64 or the engine's own JSON.
#pragma once

#include <string_view>

#include "base/byte_buffer.h"
#include "bridge/task.h"

namespace stator::session {

// Appends the whole frame (prefix and body) to `out`.
void write_response(const bridge::Task& task, Lsn watermark, ByteBuffer& out);

// The parts of an answer that goes on, a frame each.
void write_parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out);

// An ok frame whose further members are `members`: JSON text like `"username":"anna","tenant_id":1`,
// empty for none.
void write_members(const bridge::Task& task, std::string_view members, Lsn watermark, ByteBuffer& out);

}  // namespace stator::session
