#include "control/http/openapi.h"

#include <algorithm>
#include <string>
#include <vector>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "base/limits.h"
#include "control/gate/gate.h"
#include "control/session/describe.h"
#include "control/session/session_ops.h"

namespace stator::http {
namespace {

std::string_view text(const char* maybe) { return maybe == nullptr ? "" : maybe; }

bool has(const stator_arg& arg, std::uint32_t flag) { return (arg.flags & flag) != 0; }
bool is_bounded(const stator_arg& arg) { return arg.min != 0 || arg.max != 0; }

// `type`, which may also be null.
void write_type(json::Writer& json, const stator_arg& arg, std::string_view type) {
  if (!has(arg, STATOR_ARG_NULLABLE)) {
    json.field("type", type);
    return;
  }
  json.key("type").begin_array().string(type).string("null").end_array();
}

void write_bounds(json::Writer& json, const stator_arg& arg, std::string_view least,
                  std::string_view most) {
  if (!is_bounded(arg)) return;
  session::write_bound(json, least, arg.min);
  session::write_bound(json, most, arg.max);
}

// Bytes are bounded here, characters there: what has too many characters has too many bytes.
void write_text(json::Writer& json, const stator_arg& arg) {
  write_type(json, arg, "string");
  if (!is_bounded(arg)) return;
  session::write_bound(json, "minLength", std::min(arg.min, 1.0));
  if (arg.max > 0) session::write_bound(json, "maxLength", arg.max);
}

void write_choices(json::Writer& json, const stator_arg& arg) {
  write_type(json, arg, "string");
  json.key("enum").begin_array();
  for (std::uint32_t i = 0; i < arg.choice_count; ++i) json.string(arg.choices[i]);
  if (has(arg, STATOR_ARG_NULLABLE)) json.null();
  json.end_array();
}

// Numbers, or in base64 their little-endian bytes.
void write_floats(json::Writer& json, const stator_arg& arg) {
  json.key("oneOf").begin_array().begin_object().field("type", std::string_view("array"));
  json.key("items").begin_object().field("type", std::string_view("number")).end_object();
  write_bounds(json, arg, "minItems", "maxItems");
  json.end_object().begin_object().field("type", std::string_view("string"));
  json.field("contentEncoding", std::string_view("base64")).end_object();
  if (has(arg, STATOR_ARG_NULLABLE))
    json.begin_object().field("type", std::string_view("null")).end_object();
  json.end_array();
}

void write_any_json(json::Writer& json, const stator_arg& arg) {
  const bool is_object = has(arg, STATOR_ARG_JSON_OBJECT);
  const bool is_array = has(arg, STATOR_ARG_JSON_ARRAY);
  const bool is_scalar = has(arg, STATOR_ARG_JSON_SCALAR);
  if (!is_object && !is_array && !is_scalar) return;
  json.key("type").begin_array();
  if (is_object) json.string("object");
  if (is_array) json.string("array");
  if (is_scalar) json.string("string").string("number").string("boolean");
  if (is_scalar || has(arg, STATOR_ARG_NULLABLE)) json.string("null");
  json.end_array();
}

void write_fields(json::Writer& json, const stator_arg* args, std::uint64_t count);

void write_rows(json::Writer& json, const stator_arg& arg) {
  write_type(json, arg, "array");
  write_bounds(json, arg, "minItems", "maxItems");
  json.key("items").begin_object();
  write_fields(json, arg.fields, arg.field_count);
  json.end_object();
}

void write_schema(json::Writer& json, const stator_arg& arg) {
  switch (arg.type) {
    case STATOR_ARG_STR:
      write_text(json, arg);
      break;
    case STATOR_ARG_BYTES:
      write_type(json, arg, "string");
      json.field("contentEncoding", std::string_view("base64"));
      break;
    case STATOR_ARG_I64:
    case STATOR_ARG_U64:
      write_type(json, arg, "integer");
      write_bounds(json, arg, "minimum", "maximum");
      if (arg.type == STATOR_ARG_U64 && !is_bounded(arg)) json.field("minimum", 0);
      break;
    case STATOR_ARG_F64:
      write_type(json, arg, "number");
      write_bounds(json, arg, "minimum", "maximum");
      break;
    case STATOR_ARG_BOOL:
      write_type(json, arg, "boolean");
      break;
    case STATOR_ARG_ENUM:
      write_choices(json, arg);
      break;
    case STATOR_ARG_F32VEC:
      write_floats(json, arg);
      break;
    case STATOR_ARG_STRVEC:
      write_type(json, arg, "array");
      json.key("items").begin_object().field("type", std::string_view("string")).end_object();
      write_bounds(json, arg, "minItems", "maxItems");
      break;
    case STATOR_ARG_ROWS:
      write_rows(json, arg);
      break;
    default:
      write_any_json(json, arg);
  }
}

// An object's type, properties and required.
void write_fields(json::Writer& json, const stator_arg* args, std::uint64_t count) {
  json.field("type", std::string_view("object")).key("properties").begin_object();
  for (std::uint64_t i = 0; i < count; ++i) {
    const stator_arg& arg = args[i];
    if (ops::is_internal(arg.name)) continue;
    json.key(arg.name).begin_object();
    write_schema(json, arg);
    json.field("description", text(arg.doc));
    if (arg.default_json != nullptr) json.key("default").raw(arg.default_json);
    if (has(arg, STATOR_ARG_SENSITIVE)) json.field("format", std::string_view("password"));
    if (arg.alias != nullptr) json.field("x-stator-alias", std::string_view(arg.alias));
    json.end_object();
  }
  json.end_object();
  const auto is_required = [&](std::uint64_t i) {
    return has(args[i], STATOR_ARG_REQUIRED) && !ops::is_internal(args[i].name) &&
           args[i].alias == nullptr;
  };
  bool has_required = false;
  for (std::uint64_t i = 0; i < count; ++i) has_required |= is_required(i);
  if (!has_required) return;
  json.key("required").begin_array();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (is_required(i)) json.string(args[i].name);
  }
  json.end_array();
}

// The example of a row is a whole request; here its op stands in the path.
void write_example(json::Writer& json, std::string_view example) {
  json::Reader reader(example);
  json::RawString key;
  json.begin_object();
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view value;
    if (!reader.skip(value)) break;
    if (!json::equals(key, "op")) json.key(json::unescape(key)).raw(value);
  }
  json.end_object();
}

void write_content(json::Writer& json, std::string_view type, std::string_view schema) {
  json.key(type).begin_object().key("schema").begin_object();
  json.field("$ref", "#/components/schemas/" + std::string(schema)).end_object().end_object();
}

bool is_streamed(const ops::OpEntry& entry) {
  return entry.op == nullptr &&
         session::is_streamed(static_cast<session::SessionOp>(entry.session_op));
}

void write_responses(json::Writer& json, const ops::OpEntry& entry) {
  json.key("responses").begin_object().key("200").begin_object();
  json.field("description", "payload: " + std::string(text(entry.row->result)));
  json.key("content").begin_object();
  if (!is_streamed(entry)) write_content(json, "application/json", "Answer");
  if (is_streamed(entry) || entry.args.stream() != ops::kNoArg) {
    write_content(json, "application/x-ndjson", "Answer");
    write_content(json, "text/event-stream", "Answer");
  }
  json.end_object().end_object();
  for (const std::string_view range : {"4XX", "5XX"}) {
    json.key(range)
        .begin_object()
        .field("$ref", std::string_view("#/components/responses/Error"))
        .end_object();
  }
  json.end_object();
}

// Of the ops whose name this one is, too, the others.
std::vector<const ops::OpEntry*> namesakes(const ops::OpTable& table, const ops::OpEntry& entry) {
  std::vector<const ops::OpEntry*> others;
  const ops::OpEntry* named = table.find(entry.label);
  if (named == nullptr || named->choice == nullptr) return others;
  for (const auto& [engine, one] : named->choice->own) {
    if (one != &entry) others.push_back(one);
  }
  return others;
}

std::string of_collections(const ops::OpTable& table, const ops::OpEntry& entry) {
  std::string text;
  for (const std::string& name : entry.own_names)
    text += " In collections of its engine '" + name + "' means this op.";
  for (const ops::OpEntry* other : namesakes(table, entry)) {
    text += " In collections of engine '" + table.catalog().engine_of(*other->op).id +
            "' the name means '" + other->label + "'.";
  }
  return text;
}

void write_own_fields(json::Writer& json, const ops::OpTable& table, const ops::OpEntry& entry) {
  const auto others = namesakes(table, entry);
  if (others.empty()) return write_fields(json, entry.row->args, entry.row->arg_count);
  json.key("anyOf").begin_array().begin_object();
  write_fields(json, entry.row->args, entry.row->arg_count);
  json.end_object();
  for (const ops::OpEntry* other : others) {
    json.begin_object();
    write_fields(json, other->row->args, other->row->arg_count);
    json.end_object();
  }
  json.end_array();
}

void write_op(json::Writer& json, const ops::OpTable& table, const ops::OpEntry& entry) {
  const stator_op& row = *entry.row;
  const std::string engine =
      entry.op == nullptr ? "kernel" : table.catalog().engine_of(*entry.op).id;
  const std::string_view doc = text(row.doc);
  json.key("/v1/ops/" + entry.label).begin_object().key("post").begin_object();
  json.field("operationId", std::string_view(entry.label))
      .field("summary", doc.substr(0, std::min(doc.find(". "), doc.find(": "))))
      .field("description", std::string(doc) + of_collections(table, entry))
      .field("x-stator-permission", std::string_view(gate::permission_name(row.permission)));
  json.key("tags").begin_array().string(engine).end_array();
  json.key("requestBody").begin_object();
  json.field("required", row.arg_count > 0).key("content").begin_object();
  json.key("application/json").begin_object().key("schema").begin_object();
  json.key("allOf").begin_array().begin_object();
  json.field("$ref", std::string_view("#/components/schemas/Shared")).end_object().begin_object();
  write_own_fields(json, table, entry);
  json.end_object().end_array().end_object();
  json.key("example");
  write_example(json, text(row.example));
  json.end_object().end_object().end_object();
  write_responses(json, entry);
  json.end_object().end_object();
}

void write_tags(json::Writer& json, const ops::OpTable& table) {
  json.key("tags").begin_array();
  json.begin_object().field("name", std::string_view("kernel"));
  json.field("description", std::string_view("Ops of the server itself.")).end_object();
  for (const auto& engine : table.catalog().engines()) {
    const std::string_view doc = text(engine->descriptor.doc);
    json.begin_object().field("name", std::string_view(engine->id));
    json.field("description", doc.empty() ? std::string_view(engine->id) : doc).end_object();
  }
  json.end_array();
}

// What every request and every answer has: docs/http.md.
constexpr std::string_view kComponents = R"({
"securitySchemes":{"basic":{"type":"http","scheme":"basic"},
 "apiKey":{"type":"http","scheme":"bearer","description":"A token of api_key_create."}},
"responses":{"Error":{"description":"The request was not carried out.",
 "content":{"application/json":{"schema":{"$ref":"#/components/schemas/Error"}}}}},
"schemas":{
"Shared":{"type":"object","properties":{
 "collection":{"type":"string","minLength":1,"maxLength":128,"default":"default"},
 "id":{"type":["integer","string"],"minimum":0,"maxLength":64},
 "deadline_ms":{"type":"integer","minimum":1,"maximum":4294967295,"default":30000},
 "priority":{"type":"string","enum":["background","normal","high","critical"],"default":"normal"},
 "consistency":{"type":"string","enum":["strong","bounded","eventual"],"default":"strong"},
 "min_lsn":{"type":"integer","minimum":0,"default":0},
 "idempotency_key":{"type":["integer","string"],"minimum":0,"minLength":1,"maxLength":64},
 "trace_id":{"type":["integer","string"],"minimum":0},
 "payload_format":{"type":"string","enum":["base64","json"],"default":"json"},
 "strict":{"type":"boolean","default":false}}},
"Answer":{"type":"object","required":["request_id","status","watermark_lsn","error_code"],"properties":{
 "request_id":{"type":"integer"},"id":{"type":["integer","string"]},
 "status":{"type":"string","enum":["ok","partial"]},"payload":{},
 "watermark_lsn":{"type":"integer"},"error_code":{"type":"null"}}},
"Error":{"type":"object","required":["status","error_code","code","error","retryable"],"properties":{
 "request_id":{"type":"integer"},"id":{"type":["integer","string"]},
 "status":{"type":"string","enum":["error"]},"payload":{"type":"null"},
 "watermark_lsn":{"type":"integer"},"error_code":{"type":"string"},"code":{"type":"integer"},
 "error":{"type":"string"},"retryable":{"type":"boolean"},"field":{"type":"string"},
 "retry_after_ms":{"type":"integer"},"hint":{"type":"string"}}}}})";

}  // namespace

std::string openapi(const ops::OpTable& table) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("openapi", std::string_view("3.1.0"));
  json.key("info").begin_object();
  json.field("title", std::string_view("Stator"))
      .field("version", std::string_view(STATOR_VERSION));
  json.field("description",
             std::string_view("Every operation of this server, as its engines declare them."));
  json.key("license").begin_object().field("name", std::string_view("Apache-2.0"));
  json.field("identifier", std::string_view("Apache-2.0")).end_object().end_object();
  json.key("servers")
      .begin_array()
      .begin_object()
      .field("url", std::string_view("/"))
      .end_object()
      .end_array();
  json.key("security").begin_array();
  json.begin_object().end_object();
  json.begin_object().key("basic").begin_array().end_array().end_object();
  json.begin_object().key("apiKey").begin_array().end_array().end_object();
  json.end_array();
  write_tags(json, table);
  json.key("paths").begin_object();
  for (const ops::OpEntry& entry : table.entries()) {
    if (!ops::is_internal(entry.row->name)) write_op(json, table, entry);
  }
  json.end_object().key("components").raw(kComponents);
  json.end_object();
  return out.take();
}

}  // namespace stator::http
