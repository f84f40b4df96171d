// range_scan: documents in the order of one field's value, within bounds.
#include <array>
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "packed_json.h"
#include "scan/page_cursor.h"
#include "scan/range_query.h"
#include "scan/range_walk.h"
#include "scan/row_part.h"

namespace stator::document {
namespace {

enum Arg {
  kField,
  kLower,
  kUpper,
  kLowerInclusive,
  kUpperInclusive,
  kOrder,
  kLimit,
  kIncludeData,
  kFilter,
  kCursor
};
enum Order : std::uint64_t { kAsc, kDesc };

// A cap for bounds: longer ones are no ranges that anybody asks for.
constexpr double kBoundBytesMax = 65'536;
constexpr std::array kOrders = {"asc", "desc"};
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "field", "Path of the field, such as \"age\" or \"address.city\".",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = double{kPathBytesMax}}),
    make_arg(STATOR_ARG_JSON, "lower",
             "Lower bound; selects values of its own type only (null is a value, not 'no bound').",
             {.flags = STATOR_ARG_JSON_SCALAR, .min = 1, .max = kBoundBytesMax}),
    make_arg(STATOR_ARG_JSON, "upper", "Upper bound; of the same type as the lower one.",
             {.flags = STATOR_ARG_JSON_SCALAR, .min = 1, .max = kBoundBytesMax}),
    make_arg(STATOR_ARG_BOOL, "lower_inclusive", "The lower bound itself is selected.",
             {.default_json = "true"}),
    make_arg(STATOR_ARG_BOOL, "upper_inclusive", "The upper bound itself is selected.",
             {.default_json = "false"}),
    make_enum("order", "Order of the rows; desc is exactly asc from the end.", kOrders,
              {.default_json = "\"asc\""}),
    kLimitArg,
    make_arg(STATOR_ARG_BOOL, "include_data", "Each row has its whole document.",
             {.default_json = "false"}),
    kFilterArg,
    make_arg(STATOR_ARG_STR, "cursor", "The cursor of the page before; all else as it was.",
             {.flags = STATOR_ARG_CURSOR, .min = 1, .max = double{kPageCursorBytesMax}}),
};

// What is asked, parsed: the same on every lane and in merge.
struct Asked {
  RangeQuery query;
  std::uint64_t fingerprint = 0;
  PagePosition position;  // query.after borrows from it
};

// `value`, which borrows from the position, is the one that the page begins behind.
bool read_position(std::string_view cursor, Asked& asked, Value& value) {
  if (!read_page_cursor(cursor, asked.fingerprint, asked.position)) return false;
  std::string_view values = asked.position.values;
  return take_checked(values, value) && values.empty();
}

Status parse_position(const Args& args, Reply& reply, Asked& asked) {
  Fingerprint print;
  print.add(args.str(kField)).add(args.str(kLower)).add(args.str(kUpper)).add(args.str(kFilter));
  print.add(args.boolean(kLowerInclusive) ? "[" : "(")
      .add(args.boolean(kUpperInclusive) ? "]" : ")");
  print.add(args.u64(kOrder) == kDesc ? "desc" : "asc");
  asked.fingerprint = print.value();
  if (!args.has(kCursor)) return STATOR_OK;
  Value value;
  if (!read_position(args.str(kCursor), asked, value)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "cursor",
                      "'cursor' is not one of this field, range, order and filter");
  }
  asked.query.after = RangePosition{value, asked.position.tie};
  return STATOR_OK;
}

Status parse_bound(const Args& args, std::size_t index, bool is_inclusive, Reply& reply,
                   std::optional<Bound>& out) {
  if (!args.has(index)) return STATOR_OK;
  std::string stored;
  Encoder encoder;
  if (!encoder.encode(args.str(index), stored)) {
    return reply.fail(STATOR_E_BAD_REQUEST, kArgs[index].name, encoder.error());
  }
  out.emplace(std::move(stored), is_inclusive);
  return STATOR_OK;
}

RowOrder order_of(const Args& args) {
  return args.u64(kOrder) == kDesc ? RowOrder::kDescending : RowOrder::kAscending;
}

Status parse_query(const DocumentEngine& engine, const Request& request, Reply& reply,
                   RangeQuery& query) {
  const Args args = request.args();
  query.field = args.str(kField);
  if (!is_valid_path(query.field)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "field",
                      "'field' must be a path without empty segments");
  }
  Status status = parse_bound(args, kLower, args.boolean(kLowerInclusive), reply, query.lower);
  if (status != STATOR_OK) return status;
  status = parse_bound(args, kUpper, args.boolean(kUpperInclusive), reply, query.upper);
  if (status != STATOR_OK) return status;
  if (query.lower && query.upper &&
      type_class(query.lower->value()) != type_class(query.upper->value())) {
    return reply.fail(STATOR_E_BAD_REQUEST, "upper", "'upper' must be of the type of 'lower'");
  }
  query.order = order_of(args);
  // One row more than asked says whether there is a next page.
  query.limit = static_cast<std::size_t>(args.u64(kLimit)) + 1;
  return query.selection.compile(engine, request, kFilter, "filter", reply);
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  Asked asked;
  RangeQuery& query = asked.query;
  if (const Status refused = parse_query(engine, request, reply, query); refused != STATOR_OK)
    return refused;
  if (const Status refused = parse_position(args, reply, asked); refused != STATOR_OK) {
    return refused;
  }
  const IndexDefinition* index =
      engine.indexes().find_order(request.tenant(), request.collection(), query.field);
  std::vector<FoundRow> rows;
  const Status status = index != nullptr
                            ? walk_index(request, query, {*index, query.key_range(*index)}, rows)
                            : walk_documents(request, query, rows);
  if (status != STATOR_OK) return status;

  PartWriter part(reply, index != nullptr, args.u64(kLimit));
  json::StringOut data;
  for (const FoundRow& row : rows) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    data.clear();
    if (args.boolean(kIncludeData) && part.wants_data()) {
      json::Writer writer(data);
      write_json(writer, row.root);
    }
    const bool has_room = part.add_to_page(
        {.document_id = row.document_id, .value = row.value.bytes, .data = data.view()});
    if (!has_room) break;
  }
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  const Args args = request.args();
  RowMerger merger(parts, order_of(args));
  json::Writer writer = reply.json();
  writer.begin_object().key("rows").begin_array();
  PartRow row;
  PartRow last;
  std::uint64_t left = args.u64(kLimit);
  bool has_row = merger.next(row);
  for (; has_row && left > 0; has_row = merger.next(row), --left) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const std::size_t stored_bytes = row.document_id.size() + row.value.size();
    if (is_page_full(reply, stored_bytes * kJsonBytesPerByte + row.data.size())) break;
    writer.begin_object().field("document_id", row.document_id).key("value");
    write_json(writer, read_value(row.value));
    if (args.boolean(kIncludeData)) writer.key("data").raw(row.data);
    writer.end_object();
    last = row;
  }
  writer.end_array().field("indexed", merger.is_indexed());
  if (has_row || merger.is_cut()) {
    Asked asked;
    if (const Status status = parse_position(args, reply, asked); status != STATOR_OK)
      return status;
    end_page({asked.fingerprint, {std::string(last.document_id), std::string(last.value)}}, reply,
             writer);
  }
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kRangeScan = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_SCAN,
        .name = "range_scan",
        .doc = "Answers the documents that have a field, in the order of its value: null, false, "
               "true, numbers, strings, arrays, objects; equal values by document id. Without an "
               "index on the field all documents are read and indexed is false. Cursors are as in "
               "document_scan.",
        .result = R"({"rows":[{"document_id":str,"value":any,"data":object?}],"indexed":bool,)"
                  R"("cursor":str?,"more":bool?})",
        .example =
            R"({"op":"range_scan","collection":"users","field":"age","lower":18,"upper":65})",
        .args = kArgs,
        .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
