// document_validate: the JSON Schema of a collection, and which documents break it.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "ops/arguments.h"
#include "ops/check_document.h"
#include "ops/ops.h"
#include "scan/row_part.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kMode, kSchema, kLimit };
enum Mode : std::uint64_t { kDryRun, kSet, kOff };

constexpr double kFaultsShownMax = 1000;
constexpr std::array kModes = {"dry_run", "set", "off"};
constexpr std::array kArgs = {
    make_enum("mode",
              "dry_run: only look for documents that break it; set: keep it for all writes to "
              "come; off: drop it.",
              kModes, {.default_json = "\"dry_run\""}),
    make_arg(STATOR_ARG_JSON, "schema",
             "JSON Schema, draft 2020-12 without references, patterns and formats; in dry_run by "
             "default the collection's own.",
             {.flags = STATOR_ARG_JSON_OBJECT, .min = 2, .max = double{kSchemaBytesMax}}),
    make_arg(STATOR_ARG_U64, "limit", "Most documents that are named.",
             {.min = 1, .max = kFaultsShownMax, .default_json = "10"}),
};

// Which schema the request is about; null after a refusal, or where there is none.
class Asked {
 public:
  Status parse(const DocumentEngine& engine, const Request& request, Reply& reply) {
    const Args args = request.args();
    if (args.u64(kMode) == kOff) return STATOR_OK;
    if (!args.has(kSchema)) {
      schema_ = engine.schemas().of(request.tenant(), request.collection());
      const bool is_good = args.u64(kMode) == kDryRun && schema_ != nullptr;
      return is_good ? STATOR_OK : reply.fail(STATOR_E_BAD_REQUEST, "schema", "missing 'schema'");
    }
    std::string error;
    given_ = Schema::compile(args.str(kSchema), error);
    schema_ = given_.get();
    return schema_ != nullptr ? STATOR_OK : reply.fail(STATOR_E_BAD_REQUEST, "schema", error);
  }
  const Schema* schema() const { return schema_; }

 private:
  std::unique_ptr<Schema> given_;
  const Schema* schema_ = nullptr;
};

// A lane's part: how many documents break the schema, then those that are named.
Status look(const DocumentEngine& engine, const Request& request, const Schema& schema,
            Reply& reply) {
  std::uint64_t invalid = 0;
  std::uint64_t checked = 0;
  std::vector<std::pair<std::string, std::string>> shown;
  for (Cursor cursor = request.kv().scan(Space::kDocuments); cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Value root = open_document(cursor.value()).root;
    if (engine.is_over(request, root)) continue;
    ++checked;
    SchemaFault fault;
    if (schema.check(root, fault)) continue;
    if (++invalid > request.args().u64(kLimit)) continue;
    shown.emplace_back(cursor.key(), sentence_of(fault));
  }
  PartWriter part(reply, false);
  const std::array counts = {invalid, checked};
  part.add({.document_id = {reinterpret_cast<const char*>(counts.data()), sizeof counts},
            .value = {},
            .data = {}});
  for (const auto& [id, sentence] : shown) {
    part.add({.document_id = id, .value = {}, .data = sentence});
  }
  return STATOR_OK;
}

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  Asked asked;
  if (const Status status = asked.parse(engine, request, reply); status != STATOR_OK) return status;
  if (request.args().u64(kMode) == kDryRun) return look(engine, request, *asked.schema(), reply);
  records.together();  // else lanes keep different schemas, where two set one or a lane refuses
  const bool is_off = request.args().u64(kMode) == kOff;
  const Schema* known = engine.schemas().of(request.tenant(), request.collection());
  const std::string_view text = is_off ? std::string_view() : request.args().str(kSchema);
  if ((known == nullptr ? std::string_view() : known->text()) != text) {
    records.add(STATOR_VSHARD_EVERY, RecordType::kSchemaSet, text);
  }
  PartWriter part(reply, false);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  json::Writer writer = reply.json();
  if (request.args().u64(kMode) != kDryRun) {
    writer.begin_object().field("set", request.args().u64(kMode) == kSet).end_object();
    return STATOR_OK;
  }
  std::array<std::uint64_t, 2> total{};
  std::vector<PartRow> rows;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    PartReader reader(parts[i]);
    PartRow row;
    std::array<std::uint64_t, 2> counts{};
    if (!reader.next(row)) continue;
    std::memcpy(counts.data(), row.document_id.data(),
                std::min(row.document_id.size(), sizeof counts));
    total[0] += counts[0];
    total[1] += counts[1];
    while (reader.next(row)) rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(),
            [](const PartRow& a, const PartRow& b) { return a.document_id < b.document_id; });
  rows.resize(std::min<std::size_t>(rows.size(), request.args().u64(kLimit)));
  writer.begin_object().field("checked", total[1]).field("invalid", total[0]);
  writer.key("documents").begin_array();
  for (const PartRow& row : rows) {
    writer.begin_object()
        .field("document_id", row.document_id)
        .field("fault", row.data)
        .end_object();
  }
  writer.end_array().end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kDocumentValidate = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_ALTER,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_HEAVY,
        .name = "document_validate",
        .doc = "Sets or drops the JSON Schema that every write of the collection must keep, or "
               "tries one on the documents there are. Documents that were there before are left "
               "as they are.",
        .result = R"({"set":bool}, or of dry_run {"checked":u64,"invalid":u64,)"
                  R"("documents":[{"document_id":str,"fault":str}]})",
        .example =
            R"({"op":"document_validate","collection":"users","mode":"dry_run","schema":)"
            R"({"type":"object","required":["name"],"properties":{"age":{"type":"integer","minimum":0}}}})",
        .args = kArgs,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
