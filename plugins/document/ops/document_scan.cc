// document_scan: the documents of a collection in the order of their ids, page by page.
#include <array>
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "scan/row_part.h"
#include "scan/selection.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kLimit, kAfter, kFields, kFilter };
constexpr std::array kArgs = {
    kLimitArg,
    make_arg(STATOR_ARG_STR, "after",
             "Only documents whose ids lie behind this one; the last id of a page gives the next.",
             {.min = 1, .max = double{kDocumentIdBytesMax}}),
    kFieldsArg,
    kFilterArg,
};

// The least key behind the id `after`.
std::string first_key(const Args& args) {
  std::string lower(args.str(kAfter));
  if (!lower.empty()) lower.push_back('\0');
  return lower;
}

Status read(const DocumentEngine&, const Request& request, Reply& reply) {
  const Args args = request.args();
  const Projection projection(args, kFields);
  if (const Status status = projection.check(reply); status != STATOR_OK) return status;
  Selection selection;
  if (const Status status = selection.compile(args, kFilter, "filter", reply);
      status != STATOR_OK) {
    return status;
  }
  PartWriter part(reply, false);
  const std::string lower = first_key(args);
  Cursor cursor = request.kv().scan(Space::kDocuments, {.lower = lower});
  for (std::uint64_t rows = 0; rows < args.u64(kLimit) && cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Value root = open_document(cursor.value()).root;
    if (!selection.selects(root)) continue;
    ++rows;
    json::StringOut data;
    json::Writer writer(data);
    projection.write(writer, root);
    part.add({.document_id = cursor.key(), .value = {}, .data = data.view()});
  }
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  RowMerger merger(parts, RowOrder::kByDocument);
  json::Writer writer = reply.json();
  writer.begin_object().key("rows").begin_array();
  PartRow row;
  for (std::uint64_t rows = 0; rows < request.args().u64(kLimit) && merger.next(row); ++rows) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    writer.begin_object().field("document_id", row.document_id);
    writer.key("data").raw(row.data).end_object();
  }
  writer.end_array().end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kDocumentScan = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_SCAN,
        .name = "document_scan",
        .doc = "Answers documents in the order of their ids. The next page begins after the last "
               "id of this one.",
        .result = R"({"rows":[{"document_id":str,"data":object}]})",
        .example = R"({"op":"document_scan","collection":"users","limit":50,"after":"u1"})",
        .args = kArgs,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
