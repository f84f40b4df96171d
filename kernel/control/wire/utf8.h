// Whether bytes are valid UTF-8 (simdjson's vectorised check, kept out of headers).
#pragma once

#include "base/bytes.h"

namespace stator::wire {

bool is_utf8(ByteView bytes);

}  // namespace stator::wire
