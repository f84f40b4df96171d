// index_create: a typed index on one path. Every lane indexes the documents it has, in apply.
#include <array>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "packed_json.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kPath };
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "path", "Path of the field, such as \"age\" or \"address.city\".",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = double{kIndexPathBytesMax}}),
};

// A lane's part: whether the lane makes the index now.
constexpr std::string_view kMade = "1";
constexpr std::string_view kKnown = "0";

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const std::string_view path = request.args().str(kPath);
  if (!is_valid_path(path)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "path", "'path' must be a path without empty segments");
  }
  const IndexCatalog& indexes = engine.indexes();
  if (indexes.contains(request.tenant(), request.collection(), path)) {
    reply.write(kKnown);
    return STATOR_OK;
  }
  if (indexes.paths(request.tenant(), request.collection()).size() >= kIndexesPerCollectionMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "path",
                      "the collection has 64 indexes, which is the most");
  }
  records.add(STATOR_VSHARD_EVERY, RecordType::kIndexCreate, path);
  reply.write(kMade);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  bool is_made = false;
  for (std::size_t i = 0; i < parts.size(); ++i) is_made = is_made || parts[i] == kMade;
  json::Writer writer = reply.json();
  writer.begin_object()
      .field("path", request.args().str(kPath))
      .field("created", is_made)
      .end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kIndexCreate = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_ALTER,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_HEAVY,
        .name = "index_create",
        .doc = "Makes a typed index on a path, over the documents there are and all to come. An "
               "index that exists is no error: created is false.",
        .result = R"({"path":str,"created":bool})",
        .example = R"({"op":"index_create","collection":"users","path":"age"})",
        .args = kArgs,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
