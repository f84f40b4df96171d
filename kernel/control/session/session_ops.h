// The ops that a session answers itself: they concern the connection, the op table, secrets that must
// be hashed before they are stored, or the server as a whole. Their arguments are bound like every op's.
#pragma once

#include <cstdint>
#include <span>

#include "stator/op.h"

namespace stator::session {

enum class SessionOp : std::uint32_t {
  kAuth,
  kHello,
  kPing,
  kDescribe,
  kUserCreate,
  kApiKeyCreate,
  kCheckpoint,
  kServerStats,
  kBackup,
  kBatch,
  kDigest,
  kDiscardTo,
  kVShardMove,
};

// Rows in the order of SessionOp.
std::span<const stator_op> session_rows();

// Argument positions.
namespace auth_args {
enum : std::size_t { kMethod, kUsername, kPassword, kToken };
enum : std::uint64_t { kTrust, kPasswordMethod, kApiKey };
}  // namespace auth_args
namespace hello_args {
enum : std::size_t { kClient, kProtocol };
}
namespace describe_args {
enum : std::size_t { kName, kEngine };
}
namespace user_args {
enum : std::size_t { kUsername, kPassword, kRole, kTenant, kReplace };
}
namespace api_key_args {
enum : std::size_t { kUsername };
}
namespace backup_args {
enum : std::size_t { kName, kBase };
}

namespace discard_args {
enum : std::size_t { kLsn, kDiscardAcknowledged };
}
namespace move_args {
enum : std::size_t { kVShard, kLane };
}
namespace batch_args {
enum : std::size_t { kOps, kAtomic };
}

}  // namespace stator::session
