// index_create: every lane indexes the documents it has, in apply.
#include <algorithm>
#include <array>
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/write_document.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kPath, kPaths, kName, kKind, kCollation, kWhere, kExpireAfter };

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

// Whether two documents have the same value is found when all lanes' claims are known.
Status claim_all(const Request& request, const IndexDefinition& index, Records& records,
                 Reply& reply) {
  for (Cursor cursor = request.kv().scan(Space::kDocuments); cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Value root = open_document(cursor.value()).root;
    const Status status = claim_existing(index, cursor.key(), root, records, reply);
    if (status != STATOR_OK) return status;
  }
  return STATOR_OK;
}

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  IndexDefinition index;
  const Status status = parse_definition(request.args(), index, reply);
  if (status != STATOR_OK) return status;
  const IndexCatalog& indexes = engine.indexes();
  const IndexDefinition* known = indexes.find(request.tenant(), request.collection(), index.name);
  if (known != nullptr) {
    if (stored_definition(*known) != stored_definition(index)) {
      return reply.fail(STATOR_E_DUPLICATE_WRITE, "name",
                        "there is another index of this name; drop it first");
    }
    reply.write(kKnown);
    return STATOR_OK;
  }
  if (indexes.of(request.tenant(), request.collection()).size() >= kIndexesPerCollectionMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "name",
                      "the collection has 64 indexes, which is the most");
  }
  records.add(STATOR_VSHARD_EVERY, RecordType::kIndexDefine, definition_record(index));
  reply.write(kMade);
  return index.is_unique() ? claim_all(request, index, records, reply) : STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  bool is_made = false;
  for (std::size_t i = 0; i < parts.size(); ++i) is_made = is_made || parts[i] == kMade;
  IndexDefinition index;
  const Status status = parse_definition(request.args(), index, reply);
  if (status != STATOR_OK) return status;
  json::Writer writer = reply.json();
  writer.begin_object().field("name", index.name).field("created", is_made).end_object();
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
        .doc = "Makes an index, over the documents there are and all to come. The same index again "
               "is no error: created is false. A unique one is refused where two documents have "
               "the same "
               "value (their ids are named), or where their claims exceed one batch of the log "
               "(64 MiB, some 400,000 documents): make it before they are loaded.",
        .result = R"({"name":str,"created":bool})",
        .example = R"({"op":"index_create","collection":"users","paths":["city","age"],)"
                   R"("where":{"active":true}})",
        .args = kArgs,
        .flags = STATOR_OP_TOGETHER,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
