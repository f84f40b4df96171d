// index_list: the indexes of a collection. Every lane knows all of them; how far each is with those
// that are built, it alone.
#include <cstring>
#include <map>
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "scan/row_part.h"

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

void write_index(json::Writer& writer, const IndexDefinition& index, std::uint64_t documents) {
  writer.begin_object().field("name", std::string_view(index.name)).key("paths").begin_array();
  for (const std::string& path : index.paths) writer.string(path);
  writer.end_array();
  writer.field("kind", kind_name(index.kind));
  const bool has_no_case = index.collation == Collation::kNoCase;
  writer.field("collation", std::string_view(has_no_case ? "nocase" : "binary"));
  if (index.is_ttl()) writer.field("expire_after_ms", index.expire_after_ms);
  if (!index.where.empty()) writer.key("where").raw(index.where);
  writer.field("state", state_name(index));
  if (index.has_failed()) writer.field("reason", std::string_view(index.reason));
  if (index.state == IndexState::kBuilding) writer.field("documents_indexed", documents);
  writer.end_object();
}

// A lane's part: a row for each index that is built, with the documents that it has indexed.
Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  PartWriter part(reply, false);
  for (const IndexDefinition& index : engine.indexes().of(request.tenant(), request.collection())) {
    if (index.state != IndexState::kBuilding) continue;
    const std::uint64_t documents = index.built_documents;
    part.add({.document_id = index.name,
              .value = {reinterpret_cast<const char*>(&documents), sizeof documents},
              .data = {}});
  }
  return STATOR_OK;
}

Status merge(const DocumentEngine& engine, const Request& request, const Parts& parts,
             Reply& reply) {
  std::map<std::string, std::uint64_t, std::less<>> documents;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    PartReader reader(parts[i]);
    for (PartRow row; reader.next(row);) {
      std::uint64_t count = 0;
      std::memcpy(&count, row.value.data(), std::min(row.value.size(), sizeof count));
      documents[std::string(row.document_id)] += count;
    }
  }
  json::Writer writer = reply.json();
  writer.begin_object().key("indexes").begin_array();
  for (const IndexDefinition& index : engine.indexes().of(request.tenant(), request.collection())) {
    const auto counted = documents.find(index.name);
    write_index(writer, index, counted == documents.end() ? 0 : counted->second);
  }
  writer.end_array().end_object();
  return STATOR_OK;
}

}  // namespace

std::string_view state_name(const IndexDefinition& index) {
  switch (index.state) {
    case IndexState::kReady:
      return "ready";
    case IndexState::kBuilding:
      return "building";
    case IndexState::kDropping:
      return "dropping";
    default:
      return "failed";
  }
}

const Op<DocumentEngine> kIndexList = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_POINT,
        .name = "index_list",
        .doc = "Answers the indexes of the collection, in the order of their names. state: ready, "
               "building (then documents_indexed says how far it is), failed (then reason says "
               "why), dropping.",
        .result = R"({"indexes":[{"name":str,"paths":[str],"kind":str,"collation":str,)"
                  R"("where":object?,"expire_after_ms":u64?,"state":str,"reason":str?,)"
                  R"("documents_indexed":u64?}]})",
        .example = R"({"op":"index_list","collection":"users"})",
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
