// point_multi_get: several documents by their ids, in the order asked.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kIds, kFields };

constexpr double kIdsMax = 1000;
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STRVEC, "document_ids", "Ids of the documents.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kIdsMax}),
    kFieldsArg,
};

// A lane's part: for each document that it has, number of the id u32, size u32, JSON.
struct Head {
  std::uint32_t number;
  std::uint32_t bytes;
};

// One after another the documents would each wait for memory.
void fetch_ahead(const Request& request, std::size_t first) {
  const Args args = request.args();
  std::array<std::string_view, STATOR_KV_PREFETCH_KEYS> ids;
  const std::size_t count = std::min(args.count(kIds) - first, ids.size());
  for (std::size_t i = 0; i < count; ++i) ids[i] = args.str_at(kIds, first + i);
  request.kv().prefetch(Space::kDocuments, std::span<const std::string_view>(ids).first(count));
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  const Projection projection(args, kFields);
  if (const Status status = projection.check(reply); status != STATOR_OK) return status;
  reply.set_binary();
  for (std::size_t i = 0; i < args.count(kIds); ++i) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const std::string_view id = args.str_at(kIds, i);
    if (id.empty() || id.size() > kDocumentIdBytesMax) {
      return reply.fail(STATOR_E_BAD_REQUEST, "document_ids", "an id has 1 to 256 bytes");
    }
    if (i % STATOR_KV_PREFETCH_KEYS == 0) fetch_ahead(request, i);
    StoredDocument document;
    if (!load_visible(engine, request, id, document)) continue;
    json::StringOut data;
    json::Writer writer(data);
    projection.write(writer, document.root);
    const Head head{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(data.view().size())};
    reply.write({reinterpret_cast<const char*>(&head), sizeof head});
    reply.write(data.view());
  }
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  std::vector<std::string_view> found(request.args().count(kIds));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string_view rest = parts[i];
    for (Head head{}; rest.size() >= sizeof head;) {
      std::memcpy(&head, rest.data(), sizeof head);
      found[head.number] = rest.substr(sizeof head, head.bytes);
      rest.remove_prefix(sizeof head + head.bytes);
    }
  }
  json::Writer writer = reply.json();
  writer.begin_object().key("documents").begin_array();
  for (const std::string_view data : found) {
    if (data.empty()) {
      writer.null();
    } else {
      writer.raw(data);
    }
  }
  writer.end_array().end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kPointMultiGet = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_SCAN,
        .name = "point_multi_get",
        .doc = "Answers documents in the order of the ids; null where there is none.",
        .result = R"({"documents":[object or null]})",
        .example = R"({"op":"point_multi_get","collection":"users","document_ids":["u1","u2"]})",
        .args = kArgs,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
