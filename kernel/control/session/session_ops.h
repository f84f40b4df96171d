// The ops that a session answers itself: they concern the connection, the op table, secrets that must
// be hashed before they are stored, or the server as a whole. Their arguments are bound like every op's.
#pragma once

#include <cstdint>
#include <span>

#include "stator/args.hpp"
#include "stator/op.h"

#include "bridge/task.h"
#include "control/ops/op_table.h"

namespace stator::session {

enum class SessionOp : std::uint32_t {
  kAuth,
  kHello,
  kPing,
  kDescribe,
  kUserCreate,
  kUserSetPassword,
  kApiKeyCreate,
  kCheckpoint,
  kServerStats,
  kQuotaGet,
  kBackup,
  kBackupStream,
  kBatch,
  kDigest,
  kDiscardTo,
  kVShardMove,
  kCancel,
  kSubscribe,
  kUnsubscribe,
  kPluginList,
};

// It answers in parts: `partial` frames until the last one.
constexpr bool is_streamed(SessionOp op) {
  return op == SessionOp::kSubscribe || op == SessionOp::kBackupStream;
}

// Rows in the order of SessionOp.
std::span<const stator_op> session_rows();
// Who may ask for it runs the server, or a tenant of it.
inline bool is_operators(const stator_op& row) {
  return (row.permission & (STATOR_PERM_ADMIN | STATOR_PERM_SERVER)) != 0;
}

// Waits until all lanes stand still.
inline bool is_maintenance(SessionOp op) {
  return op == SessionOp::kDigest || op == SessionOp::kDiscardTo || op == SessionOp::kVShardMove;
}

inline Args args_of(const bridge::Task& task) {
  return Args(reinterpret_cast<const stator_arg_block*>(task.args.data()));
}

// Of a request for one of these ops.
inline SessionOp session_op_of(const ops::OpTable& table, const bridge::Task& task) {
  return static_cast<SessionOp>(table.entries()[task.entry].session_op);
}

// Argument positions.
namespace auth_args {
enum : std::size_t { kMethod, kUsername, kPassword, kToken, kData };
enum : std::uint64_t { kTrust, kPasswordMethod, kApiKey, kScram, kCertificate, kJwt };
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
namespace set_password_args {
enum : std::size_t { kUsername, kPassword };
}
namespace quota_args {
enum : std::size_t { kTenant };
}
namespace api_key_args {
enum : std::size_t { kUsername, kClasses, kCollections, kExpiresInS };
}
namespace backup_args {
enum : std::size_t { kName, kBase };
}
namespace backup_stream_args {
enum : std::size_t { kName, kBaseManifest };
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
namespace subscribe_args {
enum : std::size_t { kFromLsn, kAllCollections, kValues };
}
// Of unsubscribe, too.
namespace cancel_args {
enum : std::size_t { kRequestId };
}

// The collection that a `subscribe` is about; empty: all of them.
inline std::string_view subscribed(const bridge::Task& task) {
  return args_of(task).boolean(subscribe_args::kAllCollections) ? std::string_view() : task.collection;
}

}  // namespace stator::session
