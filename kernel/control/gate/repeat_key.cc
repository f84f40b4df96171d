#include "control/gate/repeat_key.h"

#include <string>

#include "stator/args.hpp"

#include "base/hash.h"

namespace stator::gate {
namespace {

// Not secret: who finds two requests of one hash fools himself, with his own key.
constexpr HashKey kHashKey{0x7265706561746564, 0x7265717565737473};

Args args_of(const bridge::Task& task) {
  return Args(reinterpret_cast<const stator_arg_block*>(task.args.data()));
}

void append_text(std::string& out, ByteView text) {
  append_little(out, static_cast<std::uint64_t>(text.size()));
  out.append(text);
}

void append_args(std::string& out, const ops::ArgSet& set, Args args);

void append_value(std::string& out, const ops::ArgSet& set, Args args, std::size_t i) {
  switch (set.arg(i).type) {
    case STATOR_ARG_I64:
    case STATOR_ARG_U64:
    case STATOR_ARG_F64:
    case STATOR_ARG_BOOL:
    case STATOR_ARG_ENUM:
      return append_little(out, args.u64(i));
    case STATOR_ARG_STRVEC:
      append_little(out, static_cast<std::uint64_t>(args.count(i)));
      for (std::size_t k = 0; k < args.count(i); ++k) append_text(out, args.str_at(i, k));
      return;
    case STATOR_ARG_ROWS:
      append_little(out, static_cast<std::uint64_t>(args.count(i)));
      for (std::size_t k = 0; k < args.count(i); ++k)
        append_args(out, *set.row_set(i), args.row(i, k));
      return;
    default:
      return append_text(out, args.str(i));
  }
}

// What the client gave, by name: a repeat may come to a later version of the op, with more
// arguments or other defaults.
void append_args(std::string& out, const ops::ArgSet& set, Args args) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    // A hash of a password that is quick to compute must not lie in the log.
    if (ops::is_internal(set.name(i)) || (set.arg(i).flags & STATOR_ARG_SENSITIVE) != 0) continue;
    if (!args.given(i)) continue;
    append_text(out, set.name(i));
    append_value(out, set, args, i);
  }
  append_text(out, {});
}

// The op and what it is about, as eight bytes.
std::string target_of(const ops::OpEntry& entry, const bridge::Task& task) {
  std::string text;
  append_text(text, entry.label);
  append_text(text, task.collection);
  if (entry.row->placement == STATOR_PLACE_DOCUMENT)
    append_text(text, args_of(task).str(entry.args.routing_key()));
  std::string out;
  append_little(out, keyed_hash(kHashKey, text));
  return out;
}

// Whom row policies bind anywhere in the tenant gets back the answers to its own requests only:
// what another one was answered may hold rows that are hidden from it.
std::string owner_of(const auth::Identity& identity) {
  if (identity.rows.empty()) return {};
  return "@" + std::to_string(identity.username.size()) + ":" + identity.username;
}

}  // namespace

std::uint64_t hash_of_request(const ops::OpEntry& entry, const bridge::Task& task) {
  std::string text;
  append_text(text, entry.label);
  append_text(text, task.collection);
  append_args(text, entry.args, args_of(task));
  return keyed_hash(kHashKey, text);
}

void complete_key(const auth::Identity& identity, const ops::OpEntry& entry, bridge::Task& task) {
  if (task.idempotency_key.empty()) return;
  if (entry.row->op_class == STATOR_OP_READ) return task.idempotency_key.clear();
  task.request_hash = hash_of_request(entry, task);
  task.idempotency_key = target_of(entry, task) + owner_of(identity) + task.idempotency_key;
}

void complete_key_of_batch(const auth::Identity& identity, const std::vector<std::uint64_t>& hashes,
                           bridge::Task& batch) {
  if (batch.idempotency_key.empty()) return;
  std::string text;
  for (const std::uint64_t hash : hashes) append_little(text, hash);
  batch.request_hash = keyed_hash(kHashKey, text);
  batch.idempotency_key = std::string(8, '\0') + owner_of(identity) + batch.idempotency_key;
}

}  // namespace stator::gate
