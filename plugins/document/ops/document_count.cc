// document_count: how many documents a filter selects.
#include <algorithm>
#include <array>
#include <cstring>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "scan/candidates.h"

namespace stator::document {
namespace {

enum Arg { kFilter };
constexpr std::array kArgs = {kFilterArg};

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  Selection selection;
  Status status = selection.compile(engine, request, kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  WalkCounts counts;
  status =
      walk_selected(request, {access, selection}, counts, [](const Candidate&) { return true; });
  if (status != STATOR_OK) return status;
  reply.set_binary();
  reply.write({reinterpret_cast<const char*>(&counts.selected), sizeof counts.selected});
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request&, const Parts& parts, Reply& reply) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::uint64_t part = 0;
    std::memcpy(&part, parts[i].data(), std::min(parts[i].size(), sizeof part));
    total += part;
  }
  reply.json().begin_object().field("count", total).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kDocumentCount = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_SCAN,
        .name = "document_count",
        .doc = "Counts the selected documents; without a filter all of the collection.",
        .result = R"({"count":u64})",
        .example = R"({"op":"document_count","collection":"users","filter":{"age":{"gte":18}}})",
        .args = kArgs,
        .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
