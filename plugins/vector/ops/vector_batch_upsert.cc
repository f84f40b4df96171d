// vector_batch_upsert: puts many vectors, all or none. Of rows with one document_id the last wins.
#include <string>
#include <string_view>
#include <unordered_set>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/rows.h"
#include "stored_form.h"

namespace stator::vector {
namespace {

enum : std::size_t { kRows, kMetric };
enum : std::size_t { kRowDocumentId, kRowVector, kRowPayload };
constexpr stator_arg kFields[] = {kDocumentIdArg, kVectorArg, kPayloadArg};
constexpr stator_arg kArgs[] = {
    make_rows("rows", "The vectors to put: objects of document_id, vector and payload.", kFields,
              {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 100'000, .alias = "vectors"}),
    kMetricArg};
constexpr const char* kAliases[] = {"vector_batch_insert", nullptr};
constexpr std::size_t kRowsPerLook = 64;

std::string field_of(std::size_t row, const char* field) {
  return "rows[" + std::to_string(row) + "]." + field;
}

// What is replaced may be replaced: before anything else is said of the rows.
Status check_all_replaced(const Request& request, const Collection* collection, Reply& reply) {
  if (!request.rows().is_bound()) return STATOR_OK;
  const Args args = request.args();
  for (std::size_t i = 0; i < args.count(kRows); ++i) {
    if (i % kRowsPerLook == 0 && request.interrupted()) {
      return reply.fail(STATOR_E_DEADLINE_EXCEEDED, nullptr, "interrupted while checking rows");
    }
    const std::string_view document_id = args.row(kRows, i).str(kRowDocumentId);
    if (const Status status = check_replaced(request, collection, document_id)) return status;
  }
  return STATOR_OK;
}

Status check_rows(const Request& request, const Rule& rule, Reply& reply) {
  const Args args = request.args();
  for (std::size_t i = 0; i < args.count(kRows); ++i) {
    if (i % kRowsPerLook == 0 && request.interrupted()) {
      return reply.fail(STATOR_E_DEADLINE_EXCEEDED, nullptr, "interrupted while checking rows");
    }
    const std::string fault = fault_of(args.row(kRows, i).f32vec(kRowVector), rule);
    if (!fault.empty()) {
      const std::string field = field_of(i, "vector");
      std::string sentence = "'";
      sentence.append(field).append("' ").append(fault);
      return reply.fail(STATOR_E_BAD_REQUEST, field.c_str(), sentence);
    }
  }
  return STATOR_OK;
}

Status prepare(const VectorEngine& engine, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  const std::size_t count = args.count(kRows);
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  if (const Status status = check_all_replaced(request, collection, reply)) return status;
  const Rule rule =
      rule_for(collection, args, kMetric, args.row(kRows, 0).f32vec(kRowVector).size());
  if (const Status status = check_metric(rule, args, kMetric, reply)) return status;
  if (const Status status = check_room(collection, count, reply)) return status;
  if (const Status status = check_rows(request, rule, reply)) return status;

  std::unordered_set<std::string_view> seen;
  seen.reserve(count);
  std::uint64_t replaced = 0;
  std::string payload;
  for (std::size_t i = 0; i < count; ++i) {
    const Args row = args.row(kRows, i);
    const std::string_view document_id = row.str(kRowDocumentId);
    const bool is_new = seen.insert(document_id).second &&
                        !(collection != nullptr && collection->contains(document_id));
    replaced += is_new ? 0 : 1;
    if (const char* why = pack_payload(row, kRowPayload, payload)) {
      return reply.fail(STATOR_E_REJECTED_PREVALIDATION, field_of(i, "payload").c_str(), why);
    }
    if (const Status status = check_written(request, payload)) return status;
    records.add(request.vshard(), kRecordPut,
                encode(PutRecord{rule, document_id, bytes_of(row.f32vec(kRowVector)), payload}));
  }
  auto json = reply.json();
  json.begin_object().field("put", std::uint64_t{count}).field("replaced", replaced).key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<VectorEngine> kVectorBatchUpsert = {
    .row = make_op(
        {.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_WRITE,
         .placement = STATOR_PLACE_COLLECTION,
         .cost = STATOR_COST_SCAN,
         .name = "vector_batch_upsert",
         .doc = "Puts the vectors of many documents, all or none; replaced counts rows whose "
                "document had one, also by an earlier row.",
         .result = R"({"put":u64,"replaced":u64,"lsn":u64})",
         .example = R"({"op":"vector_batch_upsert","collection":"notes","rows":)"
                    R"([{"document_id":"n1","vector":[0.1,0.7,0.2]}]})",
         .args = kArgs,
         .aliases = kAliases,
         .flags = STATOR_OP_ROWS_CHECKED}),
    .prepare = prepare};

}  // namespace stator::vector
