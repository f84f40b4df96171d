// document_scan: documents that a filter selects, in any order, page by page.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "scan/candidates.h"
#include "scan/page_cursor.h"
#include "scan/range_walk.h"
#include "scan/sorted_rows.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kLimit, kAfter, kFields, kFilter, kSort, kDistinct, kCursor, kExplain };

constexpr double kSortBytesMax = 4096;
// Texts by which a lane knows rows of a distinct scan apart.
constexpr std::size_t kDistinctBytesMax = 32 * 1024 * 1024;
constexpr std::array kArgs = {
    kLimitArg,
    make_arg(STATOR_ARG_STR, "after", "Without sort: only documents whose ids lie behind this one.",
             {.min = 1, .max = double{kDocumentIdBytesMax}}),
    kFieldsArg,
    kFilterArg,
    make_arg(STATOR_ARG_JSON, "sort",
             "Up to 4 of {path: \"asc\" or \"desc\"}, the most significant first; a missing value "
             "is below all others, equal rows go by their ids. Default: by id.",
             {.flags = STATOR_ARG_JSON_ARRAY, .min = 2, .max = kSortBytesMax}),
    make_arg(STATOR_ARG_BOOL, "distinct",
             "Each combination of 'fields' once, without ids; sort by these fields only.",
             {.default_json = "false"}),
    make_arg(STATOR_ARG_STR, "cursor", "The cursor of the page before; all else as it was.",
             {.flags = STATOR_ARG_CURSOR, .min = 1, .max = double{kPageCursorBytesMax}}),
    make_arg(STATOR_ARG_BOOL, "explain",
             "Answer how the documents are found and how many were looked at, instead of them.",
             {.default_json = "false"}),
};

// What is asked, parsed: the same on every lane and in merge.
struct Query {
  Selection selection;
  SortOrder order;
  Access access;
  const IndexDefinition* order_index = nullptr;  // gives the order: no row is put in order here
  std::uint64_t fingerprint = 0;
  bool has_position = false;
  PagePosition position;
  SortValues position_values;  // borrow from `position`
};

std::string row_data(const Projection& projection, const Value& root) {
  json::StringOut data;
  json::Writer writer(data);
  projection.write(writer, root);
  return data.take();
}

// Of the row that `part` takes next; nothing where it is not shown.
std::string data_for(const PartWriter& part, const Projection& projection, const Value& root) {
  return part.wants_data() ? row_data(projection, root) : std::string();
}

Status check_distinct(const Args& args, const SortOrder& order, Reply& reply) {
  if (!args.boolean(kDistinct)) return STATOR_OK;
  if (!args.has(kFields)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "fields", "'distinct' needs 'fields'");
  }
  for (const SortKey& key : order.keys()) {
    bool is_shown = false;
    for (std::size_t i = 0; i < args.count(kFields); ++i) {
      is_shown = is_shown || args.str_at(kFields, i) == key.path;
    }
    if (!is_shown) {
      return reply.fail(STATOR_E_BAD_REQUEST, "sort", "'distinct' sorts by its 'fields' only");
    }
  }
  return STATOR_OK;
}

Status parse_position(const Args& args, Query& query, Reply& reply) {
  Fingerprint print;
  print.add(args.str(kFilter)).add(args.str(kSort));
  if (args.boolean(kDistinct)) {
    for (std::size_t i = 0; i < args.count(kFields); ++i) print.add(args.str_at(kFields, i));
  }
  query.fingerprint = print.value();
  if (!args.has(kCursor)) return STATOR_OK;
  if (!read_page_cursor(args.str(kCursor), query.fingerprint, query.position) ||
      !query.order.unpack(query.position.values, query.position_values)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "cursor",
                      "'cursor' is not one of this filter, sort and distinct");
  }
  query.has_position = true;
  return STATOR_OK;
}

// An index that gives the order of a single key, if no document lacks the key and if the filter is
// not better served by another one.
const IndexDefinition* find_order_index(const DocumentEngine& engine, const Request& request,
                                        const Query& query) {
  if (query.order.keys().size() != 1 || request.args().boolean(kDistinct)) return nullptr;
  const std::string& path = query.order.keys().front().path;
  if (!requires_path(query.selection.program(), path)) return nullptr;
  const IndexDefinition* chosen = query.access.index;
  if (chosen != nullptr) {
    return chosen->gives_order_of(path) && query.access.ranges.size() == 1 ? chosen : nullptr;
  }
  return engine.indexes().find_order(request.tenant(), request.collection(), path);
}

Status parse_query(const DocumentEngine& engine, const Request& request, Reply& reply,
                   Query& query) {
  const Args args = request.args();
  Status status = query.selection.compile(engine, request, kFilter, "filter", reply);
  if (status == STATOR_OK) status = query.order.parse(args, kSort, reply);
  if (status == STATOR_OK) status = check_distinct(args, query.order, reply);
  if (status == STATOR_OK) status = parse_position(args, query, reply);
  if (status != STATOR_OK) return status;
  if (args.has(kAfter) && (args.has(kSort) || args.has(kCursor) || args.boolean(kDistinct))) {
    return reply.fail(STATOR_E_BAD_REQUEST, "after",
                      "'after' goes without 'sort', 'cursor' and 'distinct'");
  }
  query.access = plan_access(engine.indexes().of(request.tenant(), request.collection()),
                             query.selection.program());
  query.order_index = find_order_index(engine, request, query);
  return STATOR_OK;
}

// One row more than asked says whether there is a next page.
std::size_t rows_wanted(const Args& args) { return static_cast<std::size_t>(args.u64(kLimit)) + 1; }

// The least key behind the id at which a scan by id begins.
std::string first_key(const Args& args, const Query& query) {
  std::string lower(query.has_position ? std::string_view(query.position.tie) : args.str(kAfter));
  if (!lower.empty()) lower.push_back('\0');
  return lower;
}

// By id over all documents, or those of one value: rows come in their order.
Status scan_by_id(const Request& request, const Query& query, const Projection& projection,
                  PartWriter& part) {
  const std::string lower = first_key(request.args(), query);
  std::size_t left = rows_wanted(request.args());
  Access access = query.access;
  if (access.index != nullptr) access.ranges.front().lower += lower;
  WalkCounts counts;
  return walk_selected(request, {access, query.selection, lower}, counts,
                       [&](const Candidate& found) {
                         const std::string data = data_for(part, projection, found.root);
                         return part.add_to_page({.document_id = found.document_id,
                                                  .value = {},
                                                  .data = data}) &&
                                --left > 0;
                       });
}

Status scan_in_index_order(const Request& request, const Query& query, const Projection& projection,
                           PartWriter& part) {
  const SortKey& key = query.order.keys().front();
  RangeQuery range;
  range.field = key.path;
  range.order = key.is_descending ? RowOrder::kDescending : RowOrder::kAscending;
  range.limit = rows_wanted(request.args());
  range.selection = query.selection;
  if (query.has_position) {
    range.after = RangePosition{query.position_values.values[0], query.position.tie};
  }
  KeyRange keys = range.key_range(*query.order_index);
  if (query.access.index != nullptr) keys = query.access.ranges.front();
  std::vector<FoundRow> rows;
  const Status status = walk_index(request, range, {*query.order_index, keys}, rows);
  for (const FoundRow& row : rows) {
    const std::string data = data_for(part, projection, row.root);
    const std::string value = query.order.pack({{row.value}, {true}});
    if (!part.add_to_page({.document_id = row.document_id, .value = value, .data = data})) break;
  }
  return status;
}

// Any order: the first rows of all that are selected.
class SortedScan {
 public:
  SortedScan(const Request& request, const Query& query, const Projection& projection)
      : request_(request),
        query_(query),
        projection_(projection),
        is_distinct_(request.args().boolean(kDistinct)),
        top_(rows_wanted(request.args()), query.order) {}

  Status run(Reply& reply) {
    const std::string lower =
        query_.order.keys().empty() && !is_distinct_ ? first_key(request_.args(), query_) : "";
    WalkCounts counts;
    const Status status = walk_selected(request_, {query_.access, query_.selection, lower}, counts,
                                        [&](const Candidate& found) { return offer(found); });
    if (top_.bytes() > kDistinctBytesMax) {
      return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "distinct",
                        "the different rows exceed 32 MiB; ask for a smaller limit");
    }
    return status != STATOR_OK ? status : fault_;
  }
  void write(PartWriter& part) const {
    for (const SortedRow& row : top_) {
      const std::string data = is_distinct_ ? std::string() : data_for(part, projection_, row.root);
      const std::string values = query_.order.pack(row.values);
      if (!part.add_to_page({.document_id = row.tie, .value = values, .data = data})) return;
    }
  }

 private:
  bool offer(const Candidate& found) {
    const std::string shown = is_distinct_ ? row_data(projection_, found.root) : std::string();
    const std::string_view tie = is_distinct_ ? std::string_view(shown) : found.document_id;
    const SortValues values = query_.order.values_of(found.root);
    const SortPoint point{values, tie};
    if (query_.has_position &&
        query_.order.compare(point, {query_.position_values, query_.position.tie}) <= 0) {
      return true;
    }
    if (!top_.wants(point)) return true;
    // The walk's bytes go when it moves; those of a get last until the call returns.
    StoredDocument kept;
    if (!load_document(request_.kv(), found.document_id, kept)) {
      fault_ = STATOR_E_CORRUPTED;
      return false;
    }
    top_.add({query_.order.values_of(kept.root), std::string(tie), kept.root});
    return top_.bytes() <= kDistinctBytesMax;
  }

  const Request& request_;
  const Query& query_;
  const Projection& projection_;
  const bool is_distinct_;
  TopSorted top_;
  Status fault_ = STATOR_OK;
};

// With `explain`, a lane's part: this struct's bytes. The plan is the same on every lane.
struct Explained {
  std::uint64_t examined = 0;
  std::uint64_t selected = 0;
};

Status explain(const Request& request, const Query& query, Reply& reply) {
  WalkCounts counts;
  const Status status = walk_selected(request, {query.access, query.selection}, counts,
                                      [](const Candidate&) { return true; });
  const Explained part{counts.examined, counts.selected};
  reply.set_binary();
  reply.write({reinterpret_cast<const char*>(&part), sizeof part});
  return status;
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  const Projection projection(args, kFields);
  if (const Status status = projection.check(reply); status != STATOR_OK) return status;
  Query query;
  Status status = parse_query(engine, request, reply, query);
  if (status != STATOR_OK) return status;
  if (args.boolean(kExplain)) return explain(request, query, reply);
  const bool is_by_id = query.order.keys().empty() && !args.boolean(kDistinct);
  if (is_by_id && (query.access.index == nullptr || query.access.is_by_id)) {
    PartWriter part(reply, query.access.index != nullptr, args.u64(kLimit));
    return scan_by_id(request, query, projection, part);
  }
  if (query.order_index != nullptr) {
    PartWriter part(reply, true, args.u64(kLimit));
    return scan_in_index_order(request, query, projection, part);
  }
  SortedScan scan(request, query, projection);
  status = scan.run(reply);
  if (status != STATOR_OK) return status;
  PartWriter part(reply, query.access.index != nullptr, args.u64(kLimit));
  scan.write(part);
  return STATOR_OK;
}

void write_explained(const Query& query, const Parts& parts, json::Writer& writer) {
  Explained total;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Explained part;
    std::memcpy(&part, parts[i].data(), std::min(parts[i].size(), sizeof part));
    total.examined += part.examined;
    total.selected += part.selected;
  }
  const IndexDefinition* index =
      query.order_index != nullptr ? query.order_index : query.access.index;
  writer.begin_object().key("index");
  if (index == nullptr) {
    writer.null();
  } else {
    writer.string(index->name);
    writer.field("equal_paths", static_cast<std::uint64_t>(query.access.equal_paths))
        .field("bounded", query.access.is_bounded)
        .field("ranges", static_cast<std::uint64_t>(query.access.ranges.size()));
  }
  writer.field("gives_order", query.order_index != nullptr);
  writer.field("examined", total.examined).field("selected", total.selected).end_object();
}

void write_row(const PartRow& row, bool is_distinct, json::Writer& writer) {
  writer.begin_object();
  if (!is_distinct) writer.field("document_id", row.document_id);
  writer.key("data").raw(is_distinct ? row.document_id : row.data).end_object();
}

Status merge(const DocumentEngine& engine, const Request& request, const Parts& parts,
             Reply& reply) {
  const Args args = request.args();
  Query query;
  const Status status = parse_query(engine, request, reply, query);
  if (status != STATOR_OK) return status;
  json::Writer writer = reply.json();
  if (args.boolean(kExplain)) {
    write_explained(query, parts, writer);
    return STATOR_OK;
  }
  SortedMerger merger(parts, query.order);
  writer.begin_object().key("rows").begin_array();
  PartRow row;
  PartRow last;
  const bool is_distinct = args.boolean(kDistinct);
  std::uint64_t left = args.u64(kLimit);
  bool has_row = merger.next(row);
  for (; has_row && left > 0; has_row = merger.next(row), --left) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const std::size_t id_bytes = row.document_id.size() * (is_distinct ? 1 : kJsonBytesPerByte);
    if (is_page_full(reply, id_bytes + row.data.size())) break;
    write_row(row, is_distinct, writer);
    last = row;
  }
  writer.end_array();
  if (has_row || merger.is_cut()) {
    end_page({query.fingerprint, {std::string(last.document_id), std::string(last.value)}}, reply,
             writer);
  }
  writer.end_object();
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
        .doc =
            "Answers the selected documents in the order of 'sort', exactly, whatever their "
            "number. A cursor says that there are more (an answer has 11 MiB of rows at most) and "
            "begins the next page behind the last row, also after restarts and writes: only a "
            "document that a write moves across "
            "this position may come twice or not at all. Where the row's sort values are too "
            "long for a cursor (8 KiB) there is more: true instead.",
        .result =
            R"({"rows":[{"document_id":str,"data":object}],"cursor":str?,"more":bool?}, with )"
            R"(explain {"index":str or null,"equal_paths":u64?,"bounded":bool?,)"
            R"("ranges":u64?,"gives_order":bool,"examined":u64,"selected":u64})",
        .example = R"({"op":"document_scan","collection":"users","filter":{"age":{"gte":18}},)"
                   R"("sort":[{"age":"desc"},{"name":"asc"}],"limit":50})",
        .args = kArgs,
        .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
