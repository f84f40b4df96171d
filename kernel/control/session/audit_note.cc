#include "control/session/audit_note.h"

#include "control/session/session_ops.h"
#include "stator/args.hpp"
#include "stator/json_writer.hpp"

namespace stator::session {
namespace {

constexpr std::uint32_t kAuditedPermissions = STATOR_PERM_CREATE | STATOR_PERM_DROP | STATOR_PERM_ALTER |
                                              STATOR_PERM_ADMIN | STATOR_PERM_SERVER;
// Of one argument: an audit line is not the place for documents.
constexpr std::size_t kValueBytesMax = 256;

void write_value(json::Writer& json, const stator_arg& arg, const Args& args, std::size_t i) {
  switch (arg.type) {
    case STATOR_ARG_STR: json.string(args.str(i).substr(0, kValueBytesMax)); break;
    case STATOR_ARG_I64: json.number(args.i64(i)); break;
    case STATOR_ARG_U64: json.number(args.u64(i)); break;
    case STATOR_ARG_F64: json.number(args.f64(i)); break;
    case STATOR_ARG_BOOL: json.boolean(args.boolean(i)); break;
    case STATOR_ARG_ENUM: json.string(arg.choices[args.u64(i)]); break;
    case STATOR_ARG_STRVEC:
      json.begin_array();
      for (std::size_t k = 0; k < args.count(i); ++k) json.string(args.str_at(i, k).substr(0, kValueBytesMax));
      json.end_array();
      break;
    default: json.string("…");  // documents, vectors: nobody's business here
  }
}

bool is_audited(const stator_op& row) { return (row.permission & kAuditedPermissions) != 0; }

}  // namespace

bool is_audited(const ops::OpEntry& entry) {
  const bool is_password = entry.op == nullptr &&
                           entry.session_op == static_cast<std::uint32_t>(SessionOp::kUserSetPassword);
  return is_password || is_audited(*entry.row);
}

AuditNote note_of(const ops::OpEntry& entry, const bridge::Task& task) {
  const Args args = args_of(task);
  json::StringOut out;
  json::Writer json(out);
  json.begin_object();
  const bool has_collection = entry.op != nullptr && !task.collection.empty();
  if (has_collection) json.field("collection", std::string_view(task.collection));
  for (std::size_t i = 0; i < entry.args.size(); ++i) {
    const stator_arg& arg = entry.args.arg(i);
    if (!args.given(i) || !args.has(i) || (arg.flags & STATOR_ARG_SENSITIVE) != 0 || ops::is_internal(arg.name)) continue;
    json.key(arg.name);
    write_value(json, arg, args, i);
  }
  json.end_object();
  return {entry.label, out.take()};
}

AuditNote note_of_batch(const ops::OpTable& table, const bridge::Task& batch) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().key("ops").begin_array();
  bool has_audited = false;
  for (const bridge::Task* item : batch.items) {
    const plugin::Op& op = table.catalog().ops()[item->op];
    if (!is_audited(*op.row)) continue;
    has_audited = true;
    json.string(op.label);
  }
  json.end_array().end_object();
  if (!has_audited) return {};
  return {"batch", out.take()};
}

}  // namespace stator::session
