// vector_search: the exact nearest neighbours of a vector.
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "search/flat_search.h"

namespace stator::vector {
namespace {

enum : std::size_t { kQueryVector, kTopK };
constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_F32VEC, "query_vector", "What to look for, in the collection's dimension.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kDimsMax}),
    make_arg(STATOR_ARG_U64, "top_k", "How many neighbours to answer at most.",
             {.min = 1, .max = 10'000, .default_json = "10"})};

Status read(const VectorEngine& engine, const Request& request, Reply& reply) {
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  if (collection == nullptr) return fail_no_collection(request, reply);
  const auto query = request.args().f32vec(kQueryVector);
  const std::string fault = fault_of(query, collection->rule());
  if (!fault.empty()) {
    return reply.fail(STATOR_E_BAD_REQUEST, "query_vector", "'query_vector' " + fault);
  }
  const Collection::Visit visit(*collection);
  const auto found = flat_search(*collection, visit, query, request.args().u64(kTopK), request);
  if (!found) {
    return reply.fail(STATOR_E_DEADLINE_EXCEEDED, nullptr, "interrupted while searching");
  }
  const bool is_bound = request.rows().is_bound();
  if (is_bound && found->visited == 0) return fail_no_collection(request, reply);
  auto json = reply.json();
  json.begin_object().key("results").begin_array();
  for (const Hit& hit : found->hits) {
    json.begin_object()
        .field("document_id", hit.document_id)
        .field("distance", hit.distance)
        .field("score", score_of(collection->rule().metric, hit.distance))
        .end_object();
  }
  json.end_array().field("regime", "flat").field("visited", found->visited).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<VectorEngine> kVectorSearch = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .cost = STATOR_COST_SCAN,
                    .name = "vector_search",
                    .doc = "The exact nearest neighbours of a vector, nearest first, ties by "
                           "document_id. Smaller distance is nearer, larger score is nearer. "
                           "visited: how many were looked at, of those that one may see.",
                    .result = R"({"results":[{"document_id":str,"distance":f32,"score":f32}],)"
                              R"("regime":"flat","visited":u64})",
                    .example = R"({"op":"vector_search","collection":"notes",)"
                               R"("query_vector":[0.1,0.7,0.2],"top_k":5})",
                    .args = kArgs,
                    .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::vector
