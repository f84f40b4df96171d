// point_delete: removes one document and its index entries.
#include <array>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/write_conditions.h"
#include "ops/write_document.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kId, kIfLsn };
constexpr std::array kArgs = {kDocumentIdArg, kIfLsnArg};

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  StoredDocument old;
  const bool existed = load_visible(engine, request, args.str(kId), old);
  if (existed) {
    if (const Status refused = check_replaced(request, old); refused != STATOR_OK) return refused;
  }
  const Status status = check_if_lsn(if_lsn_of(args, kIfLsn), old.lsn, reply);
  if (status != STATOR_OK) return status;
  if (existed) {
    DocumentWriter(engine, request, records, reply)
        .erase({request.vshard(), args.str(kId), &old.root, nullptr});
  }
  json::Writer writer = reply.json();
  writer.begin_object().field("existed", existed).key("lsn");
  reply.lsn(writer);
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kPointDelete = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_DOCUMENT,
        .cost = STATOR_COST_POINT,
        .name = "point_delete",
        .doc = "Removes one document. A missing one is no error: existed is false, nothing is "
               "written and lsn is 0.",
        .result = R"({"existed":bool,"lsn":u64})",
        .example = R"({"op":"point_delete","collection":"users","document_id":"u1"})",
        .args = kArgs,
        .key_space = Space::kDocuments,
        .flags = STATOR_OP_REMOVES | STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
};

}  // namespace stator::document
