// document_scan: the documents of a collection in the order of their ids, page by page.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "scan/candidates.h"
#include "scan/row_part.h"
#include "scan/top_rows.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kLimit, kAfter, kFields, kFilter, kExplain };
constexpr std::array kArgs = {
    kLimitArg,
    make_arg(STATOR_ARG_STR, "after",
             "Only documents whose ids lie behind this one; the last id of a page gives the next.",
             {.min = 1, .max = double{kDocumentIdBytesMax}}),
    kFieldsArg,
    kFilterArg,
    make_arg(STATOR_ARG_BOOL, "explain",
             "Answer how the documents are found and how many were looked at, instead of them.",
             {.default_json = "false"}),
};

// The least key behind the id `after`.
std::string first_key(const Args& args) {
  std::string lower(args.str(kAfter));
  if (!lower.empty()) lower.push_back('\0');
  return lower;
}

// With `explain`, a lane's part: this struct's bytes. The plan is the same on every lane.
struct Explained {
  std::uint64_t examined = 0;
  std::uint64_t selected = 0;
};

std::string row_data(const Projection& projection, const Value& root) {
  json::StringOut data;
  json::Writer writer(data);
  projection.write(writer, root);
  return data.take();
}

// Along an index documents come in the order of its keys: the first by id are kept.
Status scan_index(const Request& request, const Walk& walk, const Projection& projection,
                  PartWriter& part) {
  TopRows top(request.args().u64(kLimit), RowOrder::kByDocument);
  WalkCounts counts;
  const Status status = walk_selected(request, walk, counts, [&](const Candidate& found) {
    if (top.wants({}, found.document_id)) {
      top.add({std::string(found.document_id), {}, found.root});
    }
    return true;
  });
  if (status != STATOR_OK) return status;
  std::vector<FoundRow> rows;
  top.move_to(rows);
  for (const FoundRow& row : rows) {
    const std::string data = row_data(projection, row.root);
    part.add({.document_id = row.document_id, .value = {}, .data = data});
  }
  return STATOR_OK;
}

Status scan_documents(const Request& request, const Walk& walk, const Projection& projection,
                      PartWriter& part) {
  std::uint64_t left = request.args().u64(kLimit);
  WalkCounts counts;
  return walk_selected(request, walk, counts, [&](const Candidate& found) {
    const std::string data = row_data(projection, found.root);
    part.add({.document_id = found.document_id, .value = {}, .data = data});
    return --left > 0;
  });
}

Status explain(const Request& request, const Walk& walk, Reply& reply) {
  WalkCounts counts;
  const Status status = walk_selected(request, walk, counts, [](const Candidate&) { return true; });
  const Explained part{counts.examined, counts.selected};
  reply.set_binary();
  reply.write({reinterpret_cast<const char*>(&part), sizeof part});
  return status;
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  const Projection projection(args, kFields);
  Status status = projection.check(reply);
  if (status != STATOR_OK) return status;
  Selection selection;
  status = selection.compile(args, kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  const std::string lower = first_key(args);
  const Walk walk{access, selection, lower};
  if (args.boolean(kExplain)) return explain(request, walk, reply);
  PartWriter part(reply, access.index != nullptr);
  return access.index != nullptr ? scan_index(request, walk, projection, part)
                                 : scan_documents(request, walk, projection, part);
}

Status merge_explained(const DocumentEngine& engine, const Request& request, const Parts& parts,
                       Reply& reply) {
  Selection selection;
  const Status status = selection.compile(request.args(), kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  Explained total;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Explained part;
    std::memcpy(&part, parts[i].data(), std::min(parts[i].size(), sizeof part));
    total.examined += part.examined;
    total.selected += part.selected;
  }
  json::Writer writer = reply.json();
  writer.begin_object().key("index");
  if (access.index == nullptr) {
    writer.null();
  } else {
    writer.string(access.index->name);
    writer.field("equal_paths", static_cast<std::uint64_t>(access.equal_paths))
        .field("bounded", access.is_bounded)
        .field("ranges", static_cast<std::uint64_t>(access.ranges.size()));
  }
  writer.field("examined", total.examined).field("selected", total.selected).end_object();
  return STATOR_OK;
}

Status merge(const DocumentEngine& engine, const Request& request, const Parts& parts,
             Reply& reply) {
  if (request.args().boolean(kExplain)) return merge_explained(engine, request, parts, reply);
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
        .result =
            R"({"rows":[{"document_id":str,"data":object}]}, or with explain {"index":str or null,)"
            R"("equal_paths":u64?,"bounded":bool?,"ranges":u64?,"examined":u64,"selected":u64})",
        .example = R"({"op":"document_scan","collection":"users","limit":50,"after":"u1"})",
        .args = kArgs,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
