// index_drop: removes an index and its entries; the documents stay.
#include <array>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kName };
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "name", "Name of the index.",
             {.flags = STATOR_ARG_REQUIRED,
              .min = 1,
              .max = double{kIndexNameBytesMax},
              .alias = "path"}),
};

constexpr std::string_view kDropped = "1";
constexpr std::string_view kUnknown = "0";

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const std::string_view name = request.args().str(kName);
  const IndexDefinition* index =
      engine.indexes().find(request.tenant(), request.collection(), name);
  if (index == nullptr || index->state == IndexState::kDropping) {
    reply.write(kUnknown);
    return STATOR_OK;
  }
  records.add(STATOR_VSHARD_EVERY, RecordType::kIndexDrop, name);
  reply.write(kDropped);
  return STATOR_OK;
}

// Waits until the name is free again; what asked before it waits for the same.
Status merge(const DocumentEngine& engine, const Request& request, const Parts& parts,
             Reply& reply) {
  const IndexDefinition* index =
      engine.indexes().find(request.tenant(), request.collection(), request.args().str(kName));
  if (index != nullptr && index->state == IndexState::kDropping) return request.later();
  bool existed = false;
  for (std::size_t i = 0; i < parts.size(); ++i) existed = existed || parts[i] == kDropped;
  reply.json().begin_object().field("existed", existed).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kIndexDrop = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_ALTER,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_HEAVY,
        .name = "index_drop",
        .doc = "Removes an index; one that is being built is given up. Reads and writes know "
               "nothing of "
               "it from then on; its entries go beside other work, and the answer comes when they "
               "are gone. A missing one is no error: existed is false.",
        .result = R"({"existed":bool})",
        .example = R"({"op":"index_drop","collection":"users","name":"city,age"})",
        .args = kArgs,
        .flags = STATOR_OP_REMOVES | STATOR_OP_TOGETHER,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
