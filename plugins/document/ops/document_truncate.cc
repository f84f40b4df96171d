// document_truncate: removes all documents of a collection; its indexes stay.
#include <array>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/write_document.h"
#include "ops/write_many.h"

namespace stator::document {
namespace {

enum Arg { kLimit, kDryRun };
constexpr std::array kArgs = {
    kWriteLimitArg,
    kDryRunArg,
};

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  DocumentWriter writer(engine, request, records, reply);
  WriteManyShare share;
  if (const Status status = share.begin(engine, args.u64(kLimit), writer.has_unique(), reply);
      status != STATOR_OK) {
    return status;
  }
  for (Cursor cursor = request.kv().scan(Space::kDocuments); cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Value root = open_document(cursor.value()).root;
    if (engine.is_over(request, root)) continue;  // nobody sees it: it goes by itself
    if (!share.take(cursor.key().size() + writer.claim_bytes_max(cursor.key()))) break;
    if (args.boolean(kDryRun)) continue;
    writer.erase({cursor.vshard(), cursor.key(), &root, nullptr});
  }
  share.finish(reply);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request&, const Parts& parts, Reply& reply) {
  return merge_write_many(parts, reply);
}

}  // namespace

const Op<DocumentEngine> kDocumentTruncate = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_ADMIN,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_HEAVY,
        .name = "document_truncate",
        .doc =
            "Removes all documents of the collection and their index entries; the definitions of "
            "its indexes stay. more: some are left, ask again.",
        .result = R"({"affected":u64,"more":bool})",
        .example = R"({"op":"document_truncate","collection":"scratch"})",
        .args = kArgs,
        .flags = STATOR_OP_REMOVES,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
