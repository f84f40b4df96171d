#include "bounds.h"
#include "ops/document_row.h"
#include "ops/ops.h"
#include "records.h"
#include "storage/document_files.h"
#include "storage/keys.h"
#include "storage/mutation_log.h"

namespace stator::crdt {
namespace {

enum Arg : std::size_t { kDocumentId, kDelta, kPeerId, kMutationId };

constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STR, "document_id", "The document; it is made by its first update.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY,
              .min = 1,
              .max = kDocumentIdBytesMax}),
    make_arg(STATOR_ARG_BYTES, "delta", "A Yjs update, format version 1.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kUpdateBytesMax}),
    make_arg(STATOR_ARG_U64, "peer_id", "Who sends; scope of mutation_id.", {.default_json = "0"}),
    make_arg(STATOR_ARG_U64, "mutation_id",
             "Makes the call idempotent: a repeat for the same document and peer changes nothing.",
             {.flags = STATOR_ARG_NULLABLE}),
};

bool is_repeat(const Request& request, std::string_view document_id) {
  const Args args = request.args();
  if (!args.has(kMutationId)) return false;
  std::string_view stored;
  const std::string key = mutation_key(document_id, args.u64(kPeerId));
  return request.kv().get(kMutations, key, stored) &&
         MutationLog(stored).has(args.u64(kMutationId));
}

Status refuse(Reply& reply, const DecodeResult& result) {
  switch (result.fault) {
    case DecodeFault::kUnsupported:
      return reply.fail(STATOR_E_UNSUPPORTED, "delta", result.why);
    case DecodeFault::kOverBudget:
      return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "delta", result.why);
    default:
      break;
  }
  const std::string sentence = "not a Yjs update (version 1): " + std::string(result.why);
  return reply.fail(STATOR_E_BAD_REQUEST, "delta", sentence);
}

// What the update adds at most, before any of it is put in: nullptr, or which limit it exceeds.
const char* exceeded_limit(const Document& document, const Update& update, bool would_wait) {
  const Store& store = document.store();
  std::size_t structs = store.struct_count() + update.ranges.size();
  std::size_t clients = store.clients().size();
  for (const Update::Section& section : update.structs) {
    const std::uint32_t known = store.state(section.client);
    if (known == 0) ++clients;
    for (std::uint32_t i = 0; i < section.count; ++i) {
      // One for itself, one for the item that it may split.
      if (update.refs[section.first + i].end() > known) structs += 2;
    }
  }
  if (structs > kDocumentStructsMax) return "the document would exceed 2000000 structs";
  if (clients > kDocumentClientsMax) return "the document would exceed 262144 client ids";
  if (store.content_bytes() + update.bytes.size() > kDocumentBytesMax) {
    return "the document would exceed 64 MiB";
  }
  const std::size_t parts = document.pending_parts() + update.refs.size() + update.ranges.size();
  if (would_wait && (document.pending_bytes() + update.bytes.size() > kPendingBytesMax ||
                     parts > kPendingPartsMax)) {
    return "more than 4 MiB or 65536 structs would wait for updates that did not come";
  }
  return nullptr;
}

// What the row policies say of the document as it is; there may be none.
Status check_before(DocumentRow& row, const Document* document) {
  if (document == nullptr) return STATOR_OK;
  return row.take(*document) && row.is_visible() && row.may_write() ? STATOR_OK : row.refuse();
}

// And of what the update makes of it. What waits for other updates would get in with one of those,
// unasked about, so nothing may wait.
Status check_after(const Request& request, DocumentRow& row, const Update& update, bool would_wait,
                   Reply& reply) {
  if (!row.is_bound()) return STATOR_OK;
  if (would_wait) {
    return reply.fail(STATOR_E_REJECTED_AUTHZ, "delta",
                      "part of the update would wait for others: where row policies bind you, send "
                      "those first");
  }
  const std::string_view document_id = request.args().str(kDocumentId);
  DocumentHead head;
  Document changed;
  if (read_head(request.kv(), document_id, head)) {
    changed = load_document(request.kv(), document_id, head);
  }
  changed.apply(update);
  if (!row.take(changed)) {
    return reply.fail(STATOR_E_REJECTED_AUTHZ, "delta",
                      "the row policies cannot be asked about the changed document: it is nested "
                      "too deeply, or longer than 4 MiB as JSON");
  }
  return row.may_write() ? STATOR_OK : row.refuse();
}

Status prepare(const CrdtEngine& engine, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  const std::string_view document_id = args.str(kDocumentId);
  DocumentRow row(request);
  if (row.is_bound()) {
    const Document* found = engine.find_document(request, document_id);
    if (const Status status = check_before(row, found)) return status;
  }
  auto out = reply.json();
  if (is_repeat(request, document_id)) {
    out.begin_object().field("applied", false).key("lsn");
    reply.lsn(out);
    out.end_object();
    return STATOR_OK;
  }
  Update update;
  const DecodeResult decoded = decode_update(args.str(kDelta), update);
  if (decoded.fault != DecodeFault::kNone) return refuse(reply, decoded);
  const Document empty;
  const Document* stored = engine.find_document(request, document_id);
  const Document& document = stored != nullptr ? *stored : empty;
  const bool would_wait = document.would_wait(update);
  if (const char* limit = exceeded_limit(document, update, would_wait)) {
    return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "delta", limit);
  }
  const Status status = check_after(request, row, update, would_wait, reply);
  if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
  if (status != STATOR_OK) return status;

  UpdateRecord record{document_id, args.u64(kPeerId), std::nullopt, args.str(kDelta)};
  if (args.has(kMutationId)) record.mutation_id = args.u64(kMutationId);
  records.add(request.vshard(), kUpdateRecord, encode(record));
  out.begin_object().field("applied", true).field("pending", would_wait).key("lsn");
  reply.lsn(out);
  out.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<CrdtEngine> kCrdtApply = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_DOCUMENT,
        .name = "crdt_apply",
        .doc = "Merges a Yjs update into a document. Updates may come in any order and repeatedly; "
               "what needs others waits for them, durably.",
        .result = R"({"applied":bool,"pending":bool,"lsn":u64}; pending: part of it waits)",
        .example = R"({"op":"crdt_apply","document_id":"note","delta":"AQEBAAQBAXQCaGkA"})",
        .args = kArgs,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
};

}  // namespace stator::crdt
