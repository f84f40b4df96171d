// What point_put and point_delete ask of the document before they write.
#pragma once

#include <cstdint>
#include <optional>

#include "stator/engine.hpp"

namespace stator::document {

// The if_lsn argument; `lsn` is the document's last write, 0 without a document.
inline Status check_if_lsn(std::optional<std::uint64_t> expected, std::uint64_t lsn, Reply& reply) {
  if (!expected || *expected == lsn) return STATOR_OK;
  return reply.fail(STATOR_E_CONFLICT_RETRY, "if_lsn",
                    "the document's last write has another LSN; read again and retry");
}

inline std::optional<std::uint64_t> if_lsn_of(const Args& args, std::size_t index) {
  if (!args.has(index)) return std::nullopt;
  return args.u64(index);
}

}  // namespace stator::document
