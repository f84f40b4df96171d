#include "control/session/session_ops.h"

#include "base/limits.h"
#include "stator/declare.hpp"

namespace stator::session {
namespace {

constexpr const char* kMethods[] = {"trust", "password", "api_key"};
constexpr const char* kRoles[] = {"superuser", "readwrite", "readonly", "monitor"};

constexpr stator_arg kAuthArgs[] = {
    make_enum("method", "How the client proves who it is.", kMethods, {.default_json = "\"trust\""}),
    make_arg(STATOR_ARG_STR, "username", "For password (and trust, where it is only a name).",
             {.min = 1, .max = kUsernameBytesMax}),
    make_arg(STATOR_ARG_STR, "password", "For password.",
             {.flags = STATOR_ARG_SENSITIVE, .min = 1, .max = kPasswordBytesMax}),
    make_arg(STATOR_ARG_STR, "token", "For api_key.",
             {.flags = STATOR_ARG_SENSITIVE, .min = 1, .max = 256}),
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
    make_enum("role", "What the user may do.", kRoles, {.default_json = "\"readwrite\""}),
    make_arg(STATOR_ARG_U64, "tenant", "Tenant whose data the user sees.",
             {.min = 1, .max = 4294967295.0, .default_json = "1"}),
    make_arg(STATOR_ARG_BOOL, "replace",
             "Replace an existing user as a whole: password, role and tenant.",
             {.default_json = "false"}),
};
constexpr stator_arg kApiKeyArgs[] = {username_arg()};
constexpr stator_arg kBackupArgs[] = {
    make_arg(STATOR_ARG_STR, "name", "Name of the backup: letters, digits, '.', '_' and '-', not '.' first.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kBackupNameBytesMax}),
    make_arg(STATOR_ARG_STR, "base", "Name of an earlier backup; only what came since is written then.",
             {.min = 1, .max = kBackupNameBytesMax}),
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

constexpr stator_op row(const OpOptions& options) { return make_op(options); }

constexpr stator_op kRows[] = {
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_ANY,
         .name = "auth",
         .doc = "Says who asks. Allowed at any time; replaces the identity.",
         .result = "frame members username, tenant_id",
         .example = R"({"op":"auth","method":"password","username":"anna","password":"correct horse"})",
         .args = kAuthArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_ANY,
         .name = "hello",
         .doc = "Agrees on the protocol; payload_format and strict given here hold for the connection.",
         .result = "{server,version,protocol,ops_digest,limits}",
         .example = R"({"op":"hello","payload_format":"json"})",
         .args = kHelloArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_ANY,
         .name = "ping",
         .doc = "Answers ok.",
         .result = "nothing",
         .example = R"({"op":"ping"})"}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_ANY,
         .name = "describe",
         .doc = "The op table: every op with its arguments, permission, placement, docs and example.",
         .result = "{server,engines,ops}",
         .example = R"({"op":"describe","name":"describe"})",
         .args = kDescribeArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ANY,
         .name = "user_create",
         .doc = "Adds a user, or replaces one.",
         .result = "{username}",
         .example = R"({"op":"user_create","username":"anna","password":"correct horse","role":"readwrite"})",
         .args = kUserArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ANY,
         .name = "api_key_create",
         .doc = "Makes an API key that acts as the user. The token is shown once and stored hashed.",
         .result = "{key_id,token}",
         .example = R"({"op":"api_key_create","username":"anna"})",
         .args = kApiKeyArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "checkpoint",
         .doc = "Writes what every lane has in memory into its store; answered when all have. A start after it "
                "replays nothing before lsn.",
         .result = "{lsn}",
         .example = R"({"op":"checkpoint"})"}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_MONITOR,
         .placement = STATOR_PLACE_ANY,
         .name = "server_stats",
         .doc = "Numbers of the server and of each of its lanes.",
         .result = "{version,uptime_ms,durable_lsn,last_lsn,log,connections,lanes,engines,backup}",
         .example = R"({"op":"server_stats"})"}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "backup",
         .doc = "Writes a copy of all data, as it is at one LSN, below the server's [backup] directory; goes on "
                "when deadline_ms is over or the client leaves. statord restore reads it.",
         .result = "{name,lsn,bytes,files}",
         .example = R"({"op":"backup","name":"monday","deadline_ms":600000})",
         .args = kBackupArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_ANY,
         .name = "batch",
         .doc = "Carries out several requests at once, atomically across documents, engines and lanes. "
                "Each needs the permission of its own op.",
         .result = R"([{"status":"ok","payload":…},…] in the order of ops)",
         .example = R"({"op":"batch","ops":[{"op":"point_put","document_id":"u1","data":{"n":1}}]})",
         .args = kBatchArgs}),
    row({.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "digest",
         .doc = "Sums over the primary state of every engine, as of one LSN: equal where the data is equal. All "
                "lanes stand still while they read everything.",
         .result = "{lsn,engines:{ID:{entries,digest}}}",
         .example = R"({"op":"digest","deadline_ms":600000})"}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "discard_to",
         .doc = "Forgets every write above an LSN, acknowledged ones too: for a server that lost the ownership "
                "of its data. Refused when a checkpoint holds some of them.",
         .result = "{lsn,discarded}",
         .example = R"({"op":"discard_to","lsn":1200,"discard_acknowledged":true})",
         .args = kDiscardArgs}),
    row({.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_ADMIN,
         .placement = STATOR_PLACE_ALL,
         .cost = STATOR_COST_HEAVY,
         .name = "vshard_move",
         .doc = "Makes another lane the owner of a vShard, with all its data. All lanes stand still meanwhile.",
         .result = "{vshard,lane,entries,version}",
         .example = R"({"op":"vshard_move","vshard":17,"lane":0})",
         .args = kMoveArgs}),
};

}  // namespace

std::span<const stator_op> session_rows() { return kRows; }

}  // namespace stator::session
