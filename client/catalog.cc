#include "catalog.h"

#include <algorithm>
#include <numeric>

#include "failure.h"

namespace stator::client {
namespace {

std::vector<std::string> strings(const JsonValue& list) {
  std::vector<std::string> out;
  for (const JsonValue& item : list.items) out.push_back(item.text);
  return out;
}

ArgInfo read_arg(const JsonValue& json) {
  ArgInfo arg;
  arg.name = json["name"].text;
  arg.alias = json["alias"].text;
  arg.type = json["type"].text;
  arg.doc = json["doc"].text;
  const auto has = [&](std::string_view name) {
    return std::any_of(json.members.begin(), json.members.end(),
                       [&](const auto& member) { return member.name == name; });
  };
  if (has("default")) arg.default_json = to_json(json["default"]);
  arg.min = json["min"].text;
  arg.max = json["max"].text;
  arg.choices = strings(json["choices"]);
  arg.json_kinds = strings(json["json_kinds"]);
  for (const JsonValue& field : json["fields"].items) arg.fields.push_back(read_arg(field));
  arg.is_required = json["required"].is_true();
  arg.is_nullable = json["nullable"].is_true();
  arg.is_sensitive = json["sensitive"].is_true();
  return arg;
}

OpInfo read_op(const JsonValue& json) {
  OpInfo op;
  op.name = json["name"].text;
  op.canonical = json["canonical"].text;
  op.engine = json["engine"].text;
  op.op_class = json["class"].text;
  op.permission = json["permission"].text;
  op.placement = json["placement"].text;
  op.doc = json["doc"].text;
  op.result = json["result"].text;
  if (json["example"].is(json::Kind::kObject)) op.example = to_json(json["example"]);
  op.aliases = strings(json["aliases"]);
  op.requires_ops = strings(json["requires_ops"]);
  for (const JsonValue& arg : json["args"].items) op.args.push_back(read_arg(arg));
  return op;
}

// Levenshtein (1966), one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

const ArgInfo* OpInfo::find_arg(std::string_view arg_name) const {
  const auto it = std::find_if(args.begin(), args.end(), [&](const ArgInfo& arg) {
    return arg.name == arg_name || (!arg.alias.empty() && arg.alias == arg_name);
  });
  return it == args.end() ? nullptr : &*it;
}

bool OpInfo::answers_to(std::string_view op_name) const {
  return name == op_name || canonical == op_name ||
         std::find(aliases.begin(), aliases.end(), op_name) != aliases.end();
}

const OpInfo* Catalog::find(std::string_view name) const {
  const auto it =
      std::find_if(ops.begin(), ops.end(), [&](const OpInfo& op) { return op.answers_to(name); });
  return it == ops.end() ? nullptr : &*it;
}

Catalog read_catalog(std::string_view payload) {
  JsonValue json;
  if (!parse_json(payload, json) || !json["ops"].is(json::Kind::kArray)) {
    throw Failure(kExitConnection, "the server's op table is not readable; is it a stator server?");
  }
  Catalog catalog;
  catalog.server = json["server"]["name"].text + " " + json["server"]["version"].text;
  for (const JsonValue& op : json["ops"].items) catalog.ops.push_back(read_op(op));
  return catalog;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string nearest;
  std::size_t least = 3;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace stator::client
