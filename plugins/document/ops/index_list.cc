// index_list: the indexes of a collection. Every lane knows all of them.
#include "ops/ops.h"

namespace stator::document {
namespace {

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  json::Writer writer = reply.json();
  writer.begin_object().key("indexes").begin_array();
  for (const std::string& path : engine.indexes().paths(request.tenant(), request.collection())) {
    writer.begin_object().field("path", std::string_view(path)).end_object();
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
        .doc = "Answers the indexes of the collection, in the order of their paths.",
        .result = R"({"indexes":[{"path":str}]})",
        .example = R"({"op":"index_list","collection":"users"})",
    }),
    .read = &read,
};

}  // namespace stator::document
