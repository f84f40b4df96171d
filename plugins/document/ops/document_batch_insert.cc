// document_batch_insert: many documents at once; each lane writes its own with one append.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "ops/arguments.h"
#include "ops/check_document.h"
#include "ops/ops.h"
#include "ops/write_document.h"
#include "packed_json.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kDocuments, kOnConflict };
enum RowArg { kId, kData };
enum OnConflict : std::uint64_t { kError, kReplace, kSkip };

constexpr double kDocumentsMax = 100'000;
constexpr std::array kRowArgs = {kDocumentIdArg, kDataArg};
constexpr std::array kChoices = {"error", "replace", "skip"};
constexpr std::array kArgs = {
    make_rows("documents", "The documents.", kRowArgs,
              {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kDocumentsMax}),
    make_enum(
        "on_conflict",
        "What to do with an id that exists, or comes again in this batch: refuse all, replace "
        "the document, or leave the older one.",
        kChoices, {.default_json = "\"error\""}),
};

// A lane's part: this struct's bytes.
struct Counts {
  std::uint64_t inserted = 0;
  std::uint64_t replaced = 0;
  std::uint64_t skipped = 0;
};

Status refuse_conflict(std::string_view document_id, Reply& reply) {
  std::string sentence = "there is a document of this id already: ";
  sentence.append(document_id);
  return reply.fail(STATOR_E_DUPLICATE_WRITE, "document_id", sentence);
}

// Says what happens to one row; `known` holds the ids of earlier rows.
class Batch {
 public:
  Batch(const DocumentEngine& engine, const Request& request, Records& records, Reply& reply)
      : engine_(engine),
        request_(request),
        writer_(engine, request, records, reply),
        reply_(reply) {
    if (!writer_.has_unique() || request.args().u64(kOnConflict) != kReplace) return;
    for (std::size_t k = 0; k < request.args().count(kDocuments); ++k) {
      last_row_[request.args().row(kDocuments, k).str(kId)] = k;
    }
  }

  Status add(std::size_t number, const Args& row, std::uint64_t on_conflict) {
    const std::string_view id = row.str(kId);
    StoredDocument old;
    const bool is_stored = load_document(request_.kv(), id, old);
    const bool is_there = is_stored && !engine_.is_over(request_, old.root);
    if (is_there) {
      if (const Status hidden = check_replaced(request_, old); hidden != STATOR_OK) return hidden;
    }
    const bool existed = !known_.insert(id).second || is_there;
    if (existed && on_conflict == kError) return refuse_conflict(id, reply_);
    if (existed && on_conflict == kSkip) {
      ++counts_.skipped;
      return STATOR_OK;
    }
    begin_put_record(id, payload_);
    const std::size_t start = payload_.size();
    if (!encoder_.encode(row.str(kData), payload_)) {
      return reply_.fail(STATOR_E_REJECTED_PREVALIDATION, "data", encoder_.error() + naming(id));
    }
    const Value document = read_value(std::string_view(payload_).substr(start));
    const Status status = check_document(engine_, request_, document, "data", reply_, id);
    if (status != STATOR_OK) return status;
    // Of several rows with one id the last one says what the document takes.
    const auto last = last_row_.find(id);
    if (last != last_row_.end() && last->second != number) {
      writer_.put_record(row.vshard(), payload_);
    } else if (const Status written = writer_.put(
                   {row.vshard(), id, is_stored ? &old.root : nullptr, &document}, payload_);
               written != STATOR_OK) {
      return written;
    }
    ++(existed ? counts_.replaced : counts_.inserted);
    return STATOR_OK;
  }
  const Counts& counts() const { return counts_; }

 private:
  const DocumentEngine& engine_;
  const Request& request_;
  DocumentWriter writer_;
  Reply& reply_;
  Encoder encoder_;
  std::string payload_;
  std::unordered_set<std::string_view> known_;
  std::unordered_map<std::string_view, std::size_t> last_row_;
  Counts counts_;
};

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  Batch batch(engine, request, records, reply);
  for (std::size_t k = 0; k < args.count(kDocuments); ++k) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Status status = batch.add(k, args.row(kDocuments, k), args.u64(kOnConflict));
    if (status != STATOR_OK) return status;
  }
  reply.set_binary();
  reply.write({reinterpret_cast<const char*>(&batch.counts()), sizeof(Counts)});
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request&, const Parts& parts, Reply& reply) {
  Counts total;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Counts part;
    std::memcpy(&part, parts[i].data(), std::min(parts[i].size(), sizeof part));
    total.inserted += part.inserted;
    total.replaced += part.replaced;
    total.skipped += part.skipped;
  }
  json::Writer writer = reply.json();
  writer.begin_object()
      .field("inserted", total.inserted)
      .field("replaced", total.replaced)
      .field("skipped", total.skipped)
      .end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kDocumentBatchInsert = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_ROWS,
        .cost = STATOR_COST_HEAVY,
        .name = "document_batch_insert",
        .doc =
            "Writes many documents. All documents of one lane are written, or none of them; in a "
            "collection with a unique index all of all lanes.",
        .result = R"({"inserted":u64,"replaced":u64,"skipped":u64})",
        .example = R"({"op":"document_batch_insert","collection":"users","documents":)"
                   R"([{"document_id":"u1","data":{"age":36}}],"on_conflict":"replace"})",
        .args = kArgs,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
