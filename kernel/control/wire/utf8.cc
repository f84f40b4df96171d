#include "control/wire/utf8.h"

#include <simdjson.h>

namespace stator::wire {

bool is_utf8(ByteView bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

}  // namespace stator::wire
