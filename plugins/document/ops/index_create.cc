// index_create: defines an index, which writes keep from then on; documents that are there already
// are indexed by work (work/index_work.h), for which the answer waits.
#include <algorithm>
#include <array>
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/write_document.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kPath, kPaths, kName, kKind, kCollation, kWhere, kExpireAfter, kWait };

constexpr std::array kKinds = {"typed", "array", "unique", "ttl"};
constexpr std::array kCollations = {"binary", "nocase"};
constexpr double kWhereBytesMax = 4096;
// A hundred years.
constexpr double kExpireAfterMsMax = 3'155'760'000'000;
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "path", "Path of the field, such as \"age\" or \"address.city\".",
             {.min = 1, .max = double{kPathBytesMax}}),
    make_arg(STATOR_ARG_STRVEC, "paths",
             "Instead of path: several, the most significant first; documents without the first "
             "one are left out.",
             {.min = 1, .max = double{kIndexPathsMax}}),
    make_arg(STATOR_ARG_STR, "name", "Its name; by default the paths, joined by commas.",
             {.min = 1, .max = double{kIndexNameBytesMax}}),
    make_enum(
        "kind",
        "typed: the values; array: each element of the array at the path; unique: as typed, and "
        "no two documents have the same (one that lacks a path has none); ttl: as typed, and a "
        "document is over when the number at the path, in Unix milliseconds, is past.",
        kKinds, {.default_json = "\"typed\""}),
    make_enum("collation", "nocase: texts whatever the case of A-Z; gives no order.", kCollations,
              {.default_json = "\"binary\""}),
    make_arg(STATOR_ARG_JSON, "where",
             "Only documents that this filter selects; used by filters that contain it.",
             {.flags = STATOR_ARG_JSON_OBJECT, .min = 2, .max = kWhereBytesMax}),
    make_arg(STATOR_ARG_U64, "expire_after_ms",
             "Of a ttl index: so much later than the number says.", {.max = kExpireAfterMsMax}),
    make_arg(
        STATOR_ARG_BOOL, "wait",
        "Answer when the index is ready, or failed; false: at once, with the state that it has.",
        {.default_json = "true"}),
};

// A lane's part: whether the lane makes the index now.
constexpr std::string_view kMade = "1";
constexpr std::string_view kKnown = "0";

Status parse_paths(const Args& args, IndexDefinition& out, Reply& reply) {
  if (args.has(kPath) == args.has(kPaths)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "path", "give either 'path' or 'paths'");
  }
  if (args.has(kPath)) out.paths.emplace_back(args.str(kPath));
  for (std::size_t i = 0; i < args.count(kPaths); ++i)
    out.paths.emplace_back(args.str_at(kPaths, i));
  const char* field = args.has(kPath) ? "path" : "paths";
  for (std::size_t i = 0; i < out.paths.size(); ++i) {
    const auto end = out.paths.begin() + static_cast<std::ptrdiff_t>(i);
    if (!is_valid_path(out.paths[i])) {
      return reply.fail(STATOR_E_BAD_REQUEST, field, "a path has 1 to 512 bytes, no empty segment");
    }
    if (std::find(out.paths.begin(), end, out.paths[i]) != end) {
      return reply.fail(STATOR_E_BAD_REQUEST, field, "a path stands twice");
    }
  }
  return STATOR_OK;
}

Status parse_expiry(const Args& args, IndexDefinition& out, Reply& reply) {
  if (args.has(kExpireAfter) && !out.is_ttl()) {
    return reply.fail(STATOR_E_BAD_REQUEST, "expire_after_ms", "only a ttl index has it");
  }
  if (!out.is_ttl()) return STATOR_OK;
  if (out.paths.size() != 1 || out.collation != Collation::kBinary) {
    return reply.fail(STATOR_E_BAD_REQUEST, out.paths.size() != 1 ? "paths" : "collation",
                      "a ttl index has one path, and numbers have no case");
  }
  if (args.has(kExpireAfter)) out.expire_after_ms = args.u64(kExpireAfter);
  return STATOR_OK;
}

Status parse_definition(const Args& args, IndexDefinition& out, Reply& reply) {
  if (const Status status = parse_paths(args, out, reply); status != STATOR_OK) return status;
  out.name = args.str(kName);
  for (std::size_t i = 0; i < out.paths.size() && !args.has(kName); ++i) {
    out.name.append(i == 0 ? "" : ",").append(out.paths[i]);
  }
  if (out.name.size() > kIndexNameBytesMax) {
    return reply.fail(STATOR_E_BAD_REQUEST, "name",
                      "the paths make no name of at most 64 bytes: give 'name'");
  }
  out.kind = static_cast<IndexKind>(args.u64(kKind));
  out.collation = static_cast<Collation>(args.u64(kCollation));
  if (out.kind == IndexKind::kArray && out.paths.size() != 1) {
    return reply.fail(STATOR_E_BAD_REQUEST, "paths", "an array index has one path");
  }
  if (const Status status = parse_expiry(args, out, reply); status != STATOR_OK) return status;
  if (!args.has(kWhere)) return STATOR_OK;
  out.where = args.str(kWhere);
  filter::Compiler compiler("where");
  if (compiler.compile(out.where, out.program)) return STATOR_OK;
  return reply.fail(STATOR_E_BAD_REQUEST, "where", compiler.error());
}

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  IndexDefinition index;
  const Status status = parse_definition(request.args(), index, reply);
  if (status != STATOR_OK) return status;
  const IndexCatalog& indexes = engine.indexes();
  const IndexDefinition* known = indexes.find(request.tenant(), request.collection(), index.name);
  if (known != nullptr) {
    if (known->state == IndexState::kDropping) {
      return reply.fail(STATOR_E_CONFLICT_RETRY, "name",
                        "the index of this name is being dropped; try again when it is gone");
    }
    if (!is_same_index(*known, index)) {
      return reply.fail(STATOR_E_DUPLICATE_WRITE, "name",
                        "there is another index of this name; drop it first");
    }
    reply.write(kKnown);
    return STATOR_OK;
  }
  const IndexDefinitions& others = indexes.of(request.tenant(), request.collection());
  if (others.size() >= kIndexesPerCollectionMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "name",
                      "the collection has 64 indexes, which is the most");
  }
  const auto ttl_count = std::count_if(others.begin(), others.end(),
                                       [](const IndexDefinition& other) { return other.is_ttl(); });
  if (index.is_ttl() && static_cast<std::size_t>(ttl_count) >= kTtlIndexesPerCollectionMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "kind",
                      "the collection has 8 indexes of kind 'ttl', which is the most");
  }
  records.add(STATOR_VSHARD_EVERY, RecordType::kIndexDefine, definition_record(index));
  reply.write(kMade);
  return STATOR_OK;
}

// What those are told who wait for it.
Status outcome_of(const IndexDefinition& index, const Request& request, Reply& reply) {
  const char* path = index.paths.front().c_str();
  switch (index.state) {
    case IndexState::kDuplicate:
      return reply.fail(STATOR_E_UNIQUE_VIOLATION, path, index.reason);
    case IndexState::kUnfit:
      return reply.fail(STATOR_E_REJECTED_CONSTRAINT, path, index.reason);
    case IndexState::kBuilding:
      return request.later();
    default:
      return STATOR_OK;
  }
}

// A request that waits, or its repeat, may come to find its index dropped, or another one under its
// name. Nothing that is tried again would make it: a repeat is not carried out.
Status tell_of_drop(Reply& reply) {
  return reply.fail(STATOR_E_NOT_FOUND, "name",
                    "the index was made and has been dropped since; to have it again ask without "
                    "an 'idempotency_key' or under a new one");
}

Status merge(const DocumentEngine& engine, const Request& request, const Parts& parts,
             Reply& reply) {
  bool is_made = false;
  for (std::size_t i = 0; i < parts.size(); ++i) is_made = is_made || parts[i] == kMade;
  IndexDefinition asked;
  Status status = parse_definition(request.args(), asked, reply);
  if (status != STATOR_OK) return status;
  const IndexDefinition* index =
      engine.indexes().find(request.tenant(), request.collection(), asked.name);
  if (index == nullptr || index->state == IndexState::kDropping || !is_same_index(*index, asked)) {
    return tell_of_drop(reply);
  }
  if (request.args().boolean(kWait)) status = outcome_of(*index, request, reply);
  if (status != STATOR_OK) return status;
  json::Writer writer = reply.json();
  writer.begin_object().field("name", asked.name).field("created", is_made);
  writer.field("state", state_name(*index)).end_object();
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
        .doc =
            "Makes an index, over the documents there are and all to come. It is built beside "
            "other "
            "work: writes keep it at once, reads use it when it is ready, for which the answer "
            "waits (deadline_exceeded: it is still built, index_list says how far it is). The same "
            "index again is no error: created is false. A unique one fails where two documents "
            "have "
            "one value (their ids are named): then it is listed as failed, and refuses nothing, "
            "until it is dropped. One that is dropped while the answer waits, or before a repeat "
            "asks for it, is not_found.",
        .result = R"({"name":str,"created":bool,"state":str})",
        .example = R"({"op":"index_create","collection":"users","paths":["city","age"],)"
                   R"("where":{"active":true}})",
        .args = kArgs,
        .flags = STATOR_OP_TOGETHER,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
