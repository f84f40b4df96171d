// point_get: one document by its id. The hot path: from the stored bytes straight into the answer,
// without the heap.
#include <array>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kId, kFields };
constexpr std::array kArgs = {kDocumentIdArg, kFieldsArg};

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  const Projection projection(args, kFields);
  if (const Status status = projection.check(reply); status != STATOR_OK) return status;
  StoredDocument document;
  if (!load_visible(engine, request, args.str(kId), document)) {
    return reply.fail(STATOR_E_NOT_FOUND, "document_id", "no such document");
  }
  json::Writer writer = reply.json();
  projection.write(writer, document.root);
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kPointGet = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_DOCUMENT,
        .cost = STATOR_COST_POINT,
        .name = "point_get",
        .doc = "Answers one document, or the named fields of it.",
        .result = "the document (object), or {path: value} with fields",
        .example = R"({"op":"point_get","collection":"users","document_id":"u1"})",
        .args = kArgs,
        .key_space = Space::kDocuments,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
};

}  // namespace stator::document
