// What a client is told for whom there is no connection any more: it has asked nothing yet.
#pragma once

#include "base/byte_buffer.h"
#include "base/error.h"
#include "base/ids.h"

namespace stator::net {

// A frame without a request, or a response without one.
void write_refusal(const Error& error, bool is_http, Lsn watermark, ByteBuffer& out);

}  // namespace stator::net
