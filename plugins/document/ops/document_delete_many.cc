// document_delete_many: removes every document that a filter selects.
#include <array>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/write_document.h"
#include "ops/write_many.h"
#include "scan/candidates.h"

namespace stator::document {
namespace {

enum Arg { kFilter, kLimit, kDryRun };
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_JSON, "filter", "Which documents; {} is all of them.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT,
              .min = 2,
              .max = double{filter::kTextBytesMax}}),
    kWriteLimitArg,
    kDryRunArg,
};

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  Selection selection;
  if (const Status status = selection.compile(engine, request, kFilter, "filter", reply);
      status != STATOR_OK) {
    return status;
  }
  DocumentWriter writer(engine, request, records, reply);
  WriteManyShare share;
  if (const Status status = share.begin(engine, args.u64(kLimit), writer.has_unique(), reply);
      status != STATOR_OK) {
    return status;
  }
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  const Rows rows = request.rows();
  WalkCounts counts;
  const Status status =
      walk_selected(request, {access, selection}, counts, [&](const Candidate& found) {
        if (!rows.may_write(found.root.bytes)) return true;
        const std::string_view id = found.document_id;
        if (!share.take(id.size() + writer.claim_bytes_max(id))) return false;
        if (!args.boolean(kDryRun)) writer.erase({found.vshard, id, &found.root, nullptr});
        return true;
      });
  if (status != STATOR_OK) return status;
  share.finish(reply);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request&, const Parts& parts, Reply& reply) {
  return merge_write_many(parts, reply);
}

}  // namespace

const Op<DocumentEngine> kDocumentDeleteMany = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_HEAVY,
        .name = "document_delete_many",
        .doc = "Removes the selected documents and their index entries. All of one lane are "
               "removed, or none of them (in a collection with a unique index: of all lanes); more: "
               "some are left, ask again. What row policies do not let you remove stays.",
        .result = R"({"affected":u64,"more":bool})",
        .example = R"({"op":"document_delete_many","collection":"users",)"
                   R"("filter":{"seen":{"exists":false}},"dry_run":true})",
        .args = kArgs,
        .flags = STATOR_OP_REMOVES | STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
