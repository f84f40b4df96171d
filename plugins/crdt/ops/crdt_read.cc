#include "codec/delete_set.h"
#include "doc/json_view.h"
#include "ops/document_row.h"
#include "ops/ops.h"
#include "storage/keys.h"

namespace stator::crdt {
namespace {

enum Arg : std::size_t { kDocumentId, kFormat, kSince };
enum Format : std::uint64_t { kJson, kUpdate, kStateVector };

constexpr const char* kFormats[] = {"json", "update", "state_vector"};
// A pair of client and clock takes 2 to 13 bytes: all clients that a document may have.
constexpr double kSinceBytesMax = 4 << 20;

constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STR, "document_id", "The document.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY,
              .min = 1,
              .max = kDocumentIdBytesMax}),
    make_enum("format",
              "json: the value of every root. update: a Yjs update, version 1. state_vector: a Yjs "
              "state vector. The last two are bytes.",
              kFormats, {.default_json = R"("json")"}),
    make_arg(STATOR_ARG_BYTES, "since",
             "With format update: a Yjs state vector; only what lies beyond it is answered.",
             {.flags = STATOR_ARG_NULLABLE, .max = kSinceBytesMax}),
};

Status write_json(const Document& document, const Request& request, Reply& reply) {
  auto out = reply.json();
  JsonView view(document.store(), [&] { return request.interrupted(); });
  switch (view.write(out)) {
    case ViewResult::kDone:
      return STATOR_OK;
    case ViewResult::kStopped:
      return STATOR_E_DEADLINE_EXCEEDED;
    case ViewResult::kTooLong:
      return reply.fail(STATOR_E_FAN_OUT_EXCEEDED, "format",
                        "XML text with its marks exceeds 64 MiB; read format update");
    default:
      break;
  }
  return reply.fail(STATOR_E_UNSUPPORTED, "format",
                    "types are nested deeper than 48 levels; read format update");
}

Status read(const CrdtEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  const std::uint64_t format = args.u64(kFormat);
  StateVector since;
  if (args.has(kSince)) {
    if (format != kUpdate) {
      return reply.fail(STATOR_E_BAD_REQUEST, "since", "since needs format update");
    }
    if (const char* why = decode_state_vector(args.str(kSince), since)) {
      return reply.fail(STATOR_E_BAD_REQUEST, "since", why);
    }
  }
  const Document* document = engine.find_document(request, args.str(kDocumentId));
  DocumentRow row(request);
  const bool is_visible = document != nullptr && row.take(*document) && row.is_visible();
  if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
  if (!is_visible) {
    return reply.fail(STATOR_E_NOT_FOUND, "document_id", "no such document");
  }
  if (format == kJson) return write_json(*document, request, reply);
  reply.set_binary();
  reply.write(format == kUpdate ? document->encode_state(since) : document->encode_state_vector());
  return STATOR_OK;
}

}  // namespace

const Op<CrdtEngine> kCrdtRead = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_DOCUMENT,
        .name = "crdt_read",
        .doc = "Reads a document as JSON, as a Yjs update (all of it or what a peer lacks), or its "
               "state vector.",
        .result = R"({"ROOT":value,...}, or bytes with format update and state_vector)",
        .example = R"({"op":"crdt_read","document_id":"note"})",
        .args = kArgs,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
};

}  // namespace stator::crdt
