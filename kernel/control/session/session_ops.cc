#include "control/session/session_ops.h"

#include "base/limits.h"
#include "stator/declare.hpp"

namespace stator::session {
namespace {

constexpr const char* kMethods[] = {"trust", "password", "api_key", "scram", "certificate", "jwt"};

constexpr stator_arg kAuthArgs[] = {
    make_enum("method", "How the client proves who it is.", kMethods,
              {.default_json = "\"trust\""}),
    make_arg(STATOR_ARG_STR, "username",
             "For password; for scram where its message has no name; for certificate where it has "
             "several; for trust only a name.",
             {.min = 1, .max = kUsernameBytesMax}),
    make_arg(STATOR_ARG_STR, "password", "For password.",
             {.flags = STATOR_ARG_SENSITIVE, .min = 1, .max = kPasswordBytesMax}),
    make_arg(STATOR_ARG_STR, "token", "For api_key and jwt.",
             {.flags = STATOR_ARG_SENSITIVE, .min = 1, .max = kJwtBytesMax}),
    make_arg(STATOR_ARG_STR, "data", "For scram: the client's message (RFC 5802), first or final.",
             {.flags = STATOR_ARG_SENSITIVE, .min = 1, .max = 2048}),
};
// payload_format and strict are shared fields; hello keeps them for the connection.
constexpr stator_arg kHelloArgs[] = {
    make_arg(STATOR_ARG_STR, "client", "Name and version of the client, for the log.", {.min = 1, .max = 128}),
    make_arg(STATOR_ARG_U64, "protocol", "Protocol the client speaks.", {.min = 1, .max = 1, .default_json = "1"}),
};
constexpr stator_arg kDescribeArgs[] = {
    make_arg(STATOR_ARG_STR, "name", "Only the op of that name.", {.min = 1, .max = 97}),
    make_arg(STATOR_ARG_STR, "engine", "Only ops of that engine.", {.min = 1, .max = 32}),
};

constexpr stator_arg username_arg() {
  return make_arg(STATOR_ARG_STR, "username", "Name of the user.",
                  {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kUsernameBytesMax});
}
constexpr stator_arg password_arg() {
  return make_arg(STATOR_ARG_STR, "password", "At least 8 bytes; stored as an Argon2id hash.",
                  {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_SENSITIVE,
                   .min = kPasswordBytesMin,
                   .max = kPasswordBytesMax});
}
constexpr stator_arg kUserArgs[] = {
    username_arg(),
    password_arg(),
    make_arg(STATOR_ARG_STR, "role",
             "Its first role: superuser, tenant_admin, readwrite, readonly, monitor, or one of the "
             "tenant's own.",
             {.min = 1, .max = 64, .default_json = "\"readwrite\""}),
    make_arg(STATOR_ARG_U64, "tenant",
             "Tenant whose data the user sees; default: the caller's own.",
             {.min = 1, .max = 4294967295.0}),
    make_arg(STATOR_ARG_BOOL, "replace",
             "Replace an existing user as a whole: password, role and tenant.",
             {.default_json = "false"}),
};
constexpr stator_arg kSetPasswordArgs[] = {username_arg(), password_arg()};
constexpr stator_arg kQuotaArgs[] = {
    make_arg(STATOR_ARG_U64, "tenant", "Id of the tenant; default: the caller's own.",
             {.min = 1, .max = 4294967295.0}),
};
constexpr stator_arg kApiKeyArgs[] = {
    username_arg(),
    make_arg(STATOR_ARG_STRVEC, "classes",
             "Classes of ops (read, write, admin) that the key is good for; default: all that its "
             "user may do.",
             {.min = 1, .max = 3}),
    make_arg(STATOR_ARG_STRVEC, "collections",
             "Collections that the key is good for; default: all.", {.min = 1, .max = 64}),
    make_arg(STATOR_ARG_U64, "expires_in_s", "Seconds after which it ends; default: never.",
             {.min = 1, .max = static_cast<double>(kApiKeySecondsMax)}),
};
constexpr stator_arg backup_name_arg() {
  return make_arg(STATOR_ARG_STR, "name",
                  "Name of the backup: letters, digits, '.', '_' and '-', not '.' first.",
                  {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kBackupNameBytesMax});
}
constexpr stator_arg kBackupArgs[] = {
    backup_name_arg(),
    make_arg(STATOR_ARG_STR, "base",
             "Name of an earlier backup; only what came since is written then.",
             {.min = 1, .max = kBackupNameBytesMax}),
};
constexpr stator_arg kBackupStreamArgs[] = {
    backup_name_arg(),
    make_arg(STATOR_ARG_STR, "base_manifest",
             "Text of an earlier backup's MANIFEST; only what came since is sent then.",
             {.min = 1, .max = kManifestBytesMax}),
};

constexpr stator_arg kBatchArgs[] = {
    make_arg(STATOR_ARG_JSON, "ops",
             "1 to 1000 requests, each with op, collection and the op's own fields, on one document or "
             "one collection each.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_ARRAY}),
    make_arg(STATOR_ARG_BOOL, "atomic",
             "All of them or none, in one append to the log, each checked against the state before the "
             "batch. False: each for itself, in order on each document.",
             {.default_json = "true"}),
};

constexpr stator_arg kDiscardArgs[] = {
    make_arg(STATOR_ARG_U64, "lsn", "The last record that stays; the end of a batch.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 9007199254740991.0}),
    make_arg(STATOR_ARG_BOOL, "discard_acknowledged",
             "Must be true: writes that clients were told are durable will be gone.",
             {.flags = STATOR_ARG_REQUIRED}),
};
constexpr stator_arg kMoveArgs[] = {
    make_arg(STATOR_ARG_U64, "vshard", "Which one.",
             {.flags = STATOR_ARG_REQUIRED, .min = 0, .max = kVShards - 1}),
    make_arg(STATOR_ARG_U64, "lane", "Its new owner.",
             {.flags = STATOR_ARG_REQUIRED, .min = 0, .max = kLanesMax - 1}),
};

// Without it the shared field id names the request.
constexpr stator_arg request_id_arg(const char* doc) {
  return make_arg(STATOR_ARG_U64, "request_id", doc, {.min = 1, .max = 9007199254740991.0});
}
constexpr stator_arg kCancelArgs[] = {
    request_id_arg("The request, by the number its answer has. Without it: the request whose id this one has."),
};

constexpr stator_arg kUnsubscribeArgs[] = {
    request_id_arg("The subscription, by the number its answer has. Without it: the one whose id this request has."),
};
constexpr stator_arg kSubscribeArgs[] = {
    make_arg(STATOR_ARG_U64, "from_lsn",
             "First LSN to be shown: one more than that of the last event seen; 0: from now on.",
             {.min = 0, .max = 9007199254740991.0, .default_json = "0"}),
    make_arg(STATOR_ARG_BOOL, "all_collections", "Changes of every collection, not of `collection` alone.",
             {.default_json = "false"}),
    make_arg(STATOR_ARG_BOOL, "values", "Events carry the new values.", {.default_json = "true"}),
};
// Whoever is known; an op that does more asks for more itself.
constexpr std::uint32_t kAnybody = 0;

constexpr stator_op row(const OpOptions& options) { return make_op(options); }

constexpr stator_op kRows[] = {
    row({.op_class = STATOR_OP_READ,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "auth",
         .doc = "Says who asks. Allowed at any time; replaces the identity. scram takes two "
                "requests: the first is "
                "answered with the server's challenge in data.",
         .result = "frame members username, tenant_id; for scram also data, and after the first "
                   "request continue",
         .example =
             R"({"op":"auth","method":"password","username":"anna","password":"correct horse"})",
         .args = kAuthArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "hello",
         .doc = "Agrees on the protocol; payload_format and strict given here hold for the "
                "connection.",
         .result = "{server,version,protocol,ops_digest,limits}",
         .example = R"({"op":"hello","payload_format":"json"})",
         .args = kHelloArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "ping",
         .doc = "Answers ok.",
         .result = "nothing",
         .example = R"({"op":"ping"})"}),
    row({.op_class = STATOR_OP_READ,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "describe",
         .doc =
             "The op table: every op with its arguments, permission, placement, docs and example.",
         .result = "{server,engines,ops}",
         .example = R"({"op":"describe","name":"describe"})",
         .args = kDescribeArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ANY,
         .name = "user_create",
         .doc = "Adds a user, or replaces one.",
         .result = "{username}",
         .example =
             R"({"op":"user_create","username":"anna","password":"correct horse","role":"readwrite"})",
         .args = kUserArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "user_set_password",
         .doc = "Gives a user another password: oneself, or with the permission admin a user of "
                "one's tenant.",
         .result = "{username}",
         .example = R"({"op":"user_set_password","username":"anna","password":"battery staple"})",
         .args = kSetPasswordArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ANY,
         .name = "api_key_create",
         .doc = "Makes an API key that acts as the user, or as less. The token is shown once and "
                "stored hashed.",
         .result = "{key_id,token}",
         .example = R"({"op":"api_key_create","username":"anna"})",
         .args = kApiKeyArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_SERVER,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "checkpoint",
         .doc = "Writes what every lane has in memory into its store; answered when all have. A "
                "start after it "
                "replays nothing before lsn.",
         .result = "{lsn}",
         .example = R"({"op":"checkpoint"})"}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_MONITOR,
         .placement = STATOR_PLACE_ANY,
         .name = "server_stats",
         .doc = "Numbers of the server and of each of its lanes.",
         .result = "{version,uptime_ms,durable_lsn,last_lsn,oldest_lsn,log,connections,lanes,"
                   "engines,backup}",
         .example = R"({"op":"server_stats"})"}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_MONITOR,
         .placement = STATOR_PLACE_ANY,
         .name = "quota_get",
         .doc = "The limits of a tenant (0: none) and what it uses. Storage is measured at "
                "checkpoints; memory is what engines hold for it.",
         .result = "{tenant_id,limits:{requests_per_s,in_flight,storage_bytes,memory_bytes,"
                   "vector_dims,walk_depth},used:{in_flight,storage_bytes,memory_bytes}}",
         .example = R"({"op":"quota_get"})",
         .args = kQuotaArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_SERVER,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "backup",
         .doc = "Writes a copy of all data, as it is at one LSN, below the server's [backup] "
                "directory; goes on "
                "when deadline_ms is over or the client leaves. statord restore reads it.",
         .result = "{name,lsn,bytes,files}",
         .example = R"({"op":"backup","name":"monday","deadline_ms":600000})",
         .args = kBackupArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_SERVER,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "backup_stream",
         .doc =
             "Sends a copy of all data, as it is at one LSN, to the client: the files of a backup, "
             "piece by piece. deadline_ms is for the checkpoint that a full one begins with. "
             "stator pull-backup makes a directory of it, which statord restore reads.",
         .result =
             R"(partial frames: {"name","format"}, then {"file","offset","data":base64}, the )"
             R"(files one after the other, MANIFEST and its sum last; last: {name,lsn,bytes,files})",
         .example = R"({"op":"backup_stream","name":"monday","deadline_ms":600000})",
         .args = kBackupStreamArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "batch",
         .doc = "Carries out several requests at once, atomically across documents, engines and "
                "lanes. "
                "Each needs the permission of its own op.",
         .result = R"([{"status":"ok","payload":…},…] in the order of ops)",
         .example =
             R"({"op":"batch","ops":[{"op":"point_put","document_id":"u1","data":{"n":1}}]})",
         .args = kBatchArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_SERVER,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "digest",
         .doc = "Sums over the primary state of every engine, as of one LSN: equal where the data "
                "is equal. All "
                "lanes stand still while they read everything.",
         .result = "{lsn,engines:{ID:{entries,digest}}}",
         .example = R"({"op":"digest","deadline_ms":600000})"}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_SERVER,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "discard_to",
         .doc = "Forgets every write above an LSN, acknowledged ones too: for a server that lost "
                "the ownership "
                "of its data. Refused when a checkpoint holds some of them.",
         .result = "{lsn,discarded}",
         .example = R"({"op":"discard_to","lsn":1200,"discard_acknowledged":true})",
         .args = kDiscardArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_SERVER,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "vshard_move",
         .doc = "Makes another lane the owner of a vShard, with all its data. All lanes stand "
                "still meanwhile.",
         .result = "{vshard,lane,entries,version}",
         .example = R"({"op":"vshard_move","vshard":17,"lane":0})",
         .args = kMoveArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "cancel",
         .doc = "Ends a request of this connection early: it answers cancelled, or as ever where "
                "it was done "
                "already. not_found: it is not open.",
         .result = "nothing",
         .example = R"({"op":"cancel","request_id":7})",
         .args = kCancelArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_ANY,
         .cost = STATOR_COST_SCAN,
         .name = "subscribe",
         .doc = "Streams the changes of a collection, of every engine, in the order of their LSNs, "
                "when they are "
                "durable. Ends with unsubscribe or cancel.",
         .result =
             R"(partial frames: {"event":"subscribed","from_lsn"}, then {"event":"put"|"delete"|…,"lsn",)"
             R"("time_ms","collection","engine","key"?,"value"?} or {"event":"gap","from","to"}; )"
             R"(last: {"next_lsn"})",
         .example = R"({"op":"subscribe","collection":"users","from_lsn":0,"id":"changes"})",
         .args = kSubscribeArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = kAnybody,
         .placement = STATOR_PLACE_ANY,
         .name = "unsubscribe",
         .doc = "Ends a subscription of this connection: its last frame is ok and says where to go "
                "on. not_found: "
                "it is not open.",
         .result = "nothing",
         .example = R"({"op":"unsubscribe","id":"changes"})",
         .args = kUnsubscribeArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_MONITOR,
         .placement = STATOR_PLACE_ANY,
         .name = "plugin_list",
         .doc = "The engine libraries that this server runs, with the hashes of the bytes that "
                "were loaded; their crashes as of "
                "the start, and what is kept away from them for that.",
         .result = "{plugins:[{id,version,vendor,abi_major,abi_minor,ops,sha256,build_id,bytes,"
                   "conformance,crashes,last_crash,quarantined:[...]}]}",
         .example = R"({"op":"plugin_list"})"}),
};

}  // namespace

std::span<const stator_op> session_rows() { return kRows; }

}  // namespace stator::session
