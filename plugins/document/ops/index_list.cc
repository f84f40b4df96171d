// index_list: the indexes of a collection. Every lane knows all of them.
#include "ops/ops.h"

namespace stator::document {
namespace {

std::string_view kind_name(IndexKind kind) {
  switch (kind) {
    case IndexKind::kTyped:
      return "typed";
    case IndexKind::kArray:
      return "array";
    case IndexKind::kUnique:
      return "unique";
    case IndexKind::kTtl:
      return "ttl";
  }
  return "typed";
}

void write_index(json::Writer& writer, const IndexDefinition& index) {
  writer.begin_object().field("name", std::string_view(index.name)).key("paths").begin_array();
  for (const std::string& path : index.paths) writer.string(path);
  writer.end_array();
  writer.field("kind", kind_name(index.kind));
  const bool has_no_case = index.collation == Collation::kNoCase;
  writer.field("collation", std::string_view(has_no_case ? "nocase" : "binary"));
  if (index.is_ttl()) writer.field("expire_after_ms", index.expire_after_ms);
  if (!index.where.empty()) writer.key("where").raw(index.where);
  writer.end_object();
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  json::Writer writer = reply.json();
  writer.begin_object().key("indexes").begin_array();
  for (const IndexDefinition& index : engine.indexes().of(request.tenant(), request.collection())) {
    write_index(writer, index);
  }
  writer.end_array().end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kIndexList = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ANY,
        .cost = STATOR_COST_POINT,
        .name = "index_list",
        .doc = "Answers the indexes of the collection, in the order of their names.",
        .result =
            R"({"indexes":[{"name":str,"paths":[str],"kind":str,"collation":str,"where":object?,"expire_after_ms":u64?}]})",
        .example = R"({"op":"index_list","collection":"users"})",
    }),
    .read = &read,
};

}  // namespace stator::document
