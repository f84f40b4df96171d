// The kernel's own records (engine number 0) and its keys in every lane's store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/thread_role.h"
#include "data/store/store.h"
#include "wal/batch.h"

namespace stator::core {

inline constexpr EngineNumber kKernelEngine{0};

enum class KernelRecord : std::uint32_t {
  kEngineNumber = 1,             // dictionary: number u16, engine id
  kOldAnswer = 2,                // kKeptAnswer as builds before wrote it, which nobody looks for
  kSeal = wal::kSealRecordType,  // a new epoch of the log; changes no state
  kKeptAnswer = 4,               // first answer of an idempotency key
  kTenantDropped = 5,            // u32 tenant: its entries are going to be erased
  kErase = 6,                    // stored keys, each u16 size and bytes: erased
  kTenantGone = 7,               // u32 tenant: no lane has entries of it any more
  kKeptAnswerOfMany = 8,         // kKeptAnswer with LSNs of several records
};

// Spaces below the kernel's prefix.
inline constexpr std::uint8_t kSpaceEngineNumber = 1;
inline constexpr std::uint8_t kSpaceParked = 3;
inline constexpr std::uint8_t kSpaceKeptAnswer = 4;
inline constexpr std::uint8_t kSpaceKeptOrder = 5;
// Tenant u32, big-endian, while it is being dropped.
inline constexpr std::uint8_t kSpaceDropped = 6;

std::string encode_engine_number(EngineNumber number, ByteView id);
std::optional<std::pair<EngineNumber, std::string>> decode_engine_number(ByteView payload);

// Stored key of an engine's dictionary entry; its value is encode_engine_number's payload.
std::string engine_number_key(ByteView id);
std::string engine_number_prefix();
// Every entry of the dictionary that a lane's store holds, in a turn of it.
void each_engine_number(store::Store& store,
                        const std::function<void(EngineNumber, ByteView id)>& visit)
    STATOR_ON(lane);

}  // namespace stator::core
