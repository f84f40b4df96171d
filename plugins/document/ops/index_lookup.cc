// index_lookup: the documents with one value, through a named index.
#include <algorithm>
#include <array>
#include <string>

#include "stator/filter/matches.hpp"

#include "index/hit_reader.h"
#include "index/index_key.h"
#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "scan/row_part.h"
#include "scan/top_rows.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kName, kValue, kLimit, kFields };

constexpr double kValueBytesMax = 65'536;
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "name", "Name of the index; its first path is looked at.",
             {.flags = STATOR_ARG_REQUIRED,
              .min = 1,
              .max = double{kIndexNameBytesMax},
              .alias = "path"}),
    make_arg(STATOR_ARG_JSON, "value",
             "The value: of the first path, or of an element in an array index.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kValueBytesMax}),
    kLimitArg,
    kFieldsArg,
};

bool is_equal(const IndexDefinition& index, const Value& a, const Value& b) {
  if (index.collation != Collation::kNoCase || a.tag != Tag::kString || b.tag != Tag::kString) {
    return compare_values(a, b) == 0;
  }
  return std::equal(a.content.begin(), a.content.end(), b.content.begin(), b.content.end(),
                    [](char x, char y) { return filter::fold(x) == filter::fold(y); });
}

// Cut values share their keys with others, so the document decides.
bool has_value(const IndexDefinition& index, const Value& root, const Value& wanted) {
  Value found;
  if (!find_path(root, index.paths.front(), found)) return false;
  if (index.kind != IndexKind::kArray) return is_equal(index, found, wanted);
  if (found.tag != Tag::kArray) return false;
  Elements elements(found);
  for (Value element; elements.next(element);) {
    if (is_equal(index, element, wanted)) return true;
  }
  return false;
}

// While the index is being built.
Status walk_all(const DocumentEngine& engine, const Request& request, const IndexDefinition& index,
                const Value& wanted, TopRows& top) {
  const Kv kv = request.kv();
  const Rows rows = request.rows();
  for (Cursor cursor = kv.scan(Space::kDocuments); cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Value root = open_document(cursor.value()).root;
    if (!rows.is_visible(root.bytes)) continue;
    const bool is_in = index.program.empty() || filter::matches(index.program, root);
    if (!is_in || !has_value(index, root, wanted) || engine.is_over(request, root)) continue;
    if (!top.wants({}, cursor.key())) break;  // ids come in their order
    StoredDocument document;
    if (!load_document(kv, cursor.key(), document)) return STATOR_E_CORRUPTED;
    top.add({std::string(cursor.key()), {}, document.root});
  }
  return STATOR_OK;
}

Status look_up(const DocumentEngine& engine, const Request& request, const IndexDefinition& index,
               const Value& wanted, TopRows& top) {
  const Kv kv = request.kv();
  const Rows rows = request.rows();
  if (!index.is_ready()) return walk_all(engine, request, index, wanted, top);
  const std::string lower = index_prefix(index) + encode_for(index, wanted).bytes;
  const std::string upper = successor(lower);
  HitReader hits(kv, kv.scan(Space::kEntries, {.lower = lower, .upper = upper}));
  for (IndexHit hit; hits.next(hit);) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    StoredDocument document;
    if (!load_document(kv, hit.document_id, document)) return STATOR_E_CORRUPTED;
    if (!rows.is_visible(document.root.bytes)) continue;
    if (engine.is_over(request, document.root)) continue;
    if (!has_value(index, document.root, wanted)) continue;
    if (!top.wants({}, hit.document_id)) {
      if (index.paths.size() == 1) break;  // ids come in their order
      continue;
    }
    top.add({std::string(hit.document_id), {}, document.root});
  }
  return hits.is_damaged() ? STATOR_E_CORRUPTED : STATOR_OK;
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  const Projection projection(args, kFields);
  if (const Status status = projection.check(reply); status != STATOR_OK) return status;
  const IndexDefinition* known =
      engine.indexes().find(request.tenant(), request.collection(), args.str(kName));
  if (known == nullptr || !known->is_kept())
    return reply.fail(STATOR_E_NOT_FOUND, "name", "no such index");
  const IndexDefinition index = *known;  // it may be dropped while this op is paused
  std::string wanted;
  Encoder encoder;
  if (!encoder.encode(args.str(kValue), wanted)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "value", encoder.error());
  }
  // One row more than asked says whether there are more.
  TopRows top(args.u64(kLimit) + 1, RowOrder::kByDocument);
  const Status status = look_up(engine, request, index, read_value(wanted), top);
  if (status != STATOR_OK) return status;
  std::vector<FoundRow> rows;
  top.move_to(rows);
  PartWriter part(reply, true, args.u64(kLimit));
  json::StringOut data;
  for (const FoundRow& row : rows) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    data.clear();
    if (part.wants_data()) {
      json::Writer writer(data);
      projection.write(writer, row.root);
    }
    const bool has_room =
        part.add_to_page({.document_id = row.document_id, .value = {}, .data = data.view()});
    if (!has_room) break;
  }
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  RowMerger merger(parts, RowOrder::kByDocument);
  json::Writer writer = reply.json();
  writer.begin_object().key("rows").begin_array();
  PartRow row;
  std::uint64_t left = request.args().u64(kLimit);
  bool has_row = merger.next(row);
  for (; has_row && left > 0; has_row = merger.next(row), --left) {
    if (is_page_full(reply, row.document_id.size() * kJsonBytesPerByte + row.data.size())) break;
    writer.begin_object().field("document_id", row.document_id);
    writer.key("data").raw(row.data).end_object();
  }
  writer.end_array();
  if (has_row || merger.is_cut()) writer.field("more", true);
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kIndexLookup = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_SCAN,
        .name = "index_lookup",
        .doc =
            "Answers the documents whose first path of the index has this value (in an array "
            "index: an element; with nocase: whatever its case), in the order of their ids. more: "
            "'limit', or 11 MiB of rows, were not enough; document_scan answers page by page.",
        .result = R"({"rows":[{"document_id":str,"data":object}],"more":bool?})",
        .example = R"({"op":"index_lookup","collection":"users","name":"age","value":36})",
        .args = kArgs,
        .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
