// How the data plane binds arguments for a call between engines: the control plane's binder behind
// an interface, so that data/ does not include control/.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "bridge/aligned_buffer.h"

namespace stator::bridge {

class ArgBinding {
 public:
  virtual ~ArgBinding() = default;
  // Binds the JSON object `args_json` for the catalog's op `op` into `block`. Any thread.
  virtual Status bind_args(std::uint32_t op, ByteView args_json, AlignedBuffer& block) const = 0;
};

}  // namespace stator::bridge
