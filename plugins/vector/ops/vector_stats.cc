// vector_stats: how many vectors a collection has, and of what kind.
#include <optional>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "search/row_of.h"

namespace stator::vector {
namespace {

// Few enough that a policy for each of them is no long time.
constexpr std::uint32_t kRowsPerLook = 64;

// How many the caller may see; nothing if interrupted. Of those that come and go during a pause
// some are counted.
std::optional<std::uint64_t> count_visible(const Collection& collection, const Request& request) {
  const Rows rows = request.rows();
  if (!rows.is_bound()) return collection.count();
  std::uint64_t count = 0;
  for (std::uint32_t slot = 0; slot < collection.count(); ++slot) {
    if (slot % kRowsPerLook == 0 && request.interrupted()) return std::nullopt;
    if (slot < collection.count() && rows.is_visible(row_of(collection.payload(slot)))) ++count;
  }
  return count;
}

Status read(const VectorEngine& engine, const Request& request, Reply& reply) {
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  if (collection == nullptr) return fail_no_collection(request, reply);
  const auto count = count_visible(*collection, request);
  if (!count) return reply.fail(STATOR_E_DEADLINE_EXCEEDED, nullptr, "interrupted while counting");
  if (*count == 0 && request.rows().is_bound()) return fail_no_collection(request, reply);
  reply.json()
      .begin_object()
      .field("count", *count)
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
                    .example = R"({"op":"vector_stats","collection":"notes"})",
                    .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::vector
