// vector_stats: how many vectors a collection has, and of what kind.
#include "ops/arguments.h"
#include "ops/ops.h"

namespace stator::vector {
namespace {

Status read(const VectorEngine& engine, const Request& request, Reply& reply) {
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  if (collection == nullptr) return fail_no_collection(request, reply);
  reply.json()
      .begin_object()
      .field("count", collection->count())
      .field("dim", collection->rule().dim)
      .field("metric", name_of(collection->rule().metric))
      .end_object();
  return STATOR_OK;
}

}  // namespace

const Op<VectorEngine> kVectorStats = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "vector_stats",
                    .doc = "How many vectors a collection has, their dimension and metric.",
                    .result = R"({"count":u64,"dim":u32,"metric":"l2|cosine|ip"})",
                    .example = R"({"op":"vector_stats","collection":"notes"})"}),
    .read = read};

}  // namespace stator::vector
