#include "help.h"

#include <algorithm>

#include "request.h"
#include "table.h"

namespace stator::client {
namespace {

std::string first_sentence(const std::string& text) {
  const std::size_t dot = text.find(". ");
  return dot == std::string::npos ? text : text.substr(0, dot + 1);
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// "u64, 1 to 1000, default 10"
std::string type_text(const ArgInfo& arg) {
  std::string out = arg.type;
  if (!arg.choices.empty()) out = joined(arg.choices, "|");
  if (!arg.json_kinds.empty()) out += " (" + joined(arg.json_kinds, " or ") + ")";
  if (!arg.min.empty() || !arg.max.empty()) {
    const bool is_value = arg.type == "i64" || arg.type == "u64" || arg.type == "f64";
    const bool is_list = arg.type == "f32vec" || arg.type == "strvec" || arg.type == "rows";
    out += ", " + arg.min + " to " + arg.max + (is_value ? "" : is_list ? " elements" : " bytes");
  }
  if (!arg.default_json.empty()) out += ", default " + arg.default_json;
  if (arg.is_nullable) out += ", or null";
  return out;
}

void add_args(TextTable& table, const std::vector<ArgInfo>& args, const std::string& indent) {
  for (const ArgInfo& arg : args) {
    std::string name = indent + (indent == "  " && !arg.is_required ? "--" : "") + arg.name;
    if (!arg.alias.empty()) name += " (" + arg.alias + ")";
    table.add_row({name, type_text(arg), (arg.is_required ? "Required. " : "") + arg.doc});
    add_args(table, arg.fields, indent + "    ");
  }
}

}  // namespace

std::string ops_text(const Catalog& catalog) {
  std::vector<const OpInfo*> sorted;
  for (const OpInfo& op : catalog.ops) sorted.push_back(&op);
  std::stable_sort(sorted.begin(), sorted.end(), [](const OpInfo* a, const OpInfo* b) {
    return a->engine != b->engine ? a->engine < b->engine : a->name < b->name;
  });
  TextTable table({"operation", "engine", "class", "what it does"});
  for (const OpInfo* op : sorted) {
    table.add_row({op->name, op->engine, op->op_class, first_sentence(op->doc)});
  }
  return table.text();
}

std::string help_text(const OpInfo& op) {
  std::string out = "stator " + usage_line(op) + "\n\n" + op.doc + "\n";
  if (!op.args.empty()) {
    TextTable table({"", "", ""});
    add_args(table, op.args, "  ");
    out += "\nArguments\n" + table.text();
  }
  if (!op.result.empty()) out += "\nAnswer\n  " + op.result + "\n";
  if (!op.example.empty()) out += "\nExample\n  stator --json '" + op.example + "'\n";
  out += "\n" + op.canonical + ": " + op.op_class + ", needs permission " + op.permission + "\n";
  if (!op.aliases.empty()) out += "Also known as " + joined(op.aliases, ", ") + "\n";
  if (!op.requires_ops.empty()) out += "Uses " + joined(op.requires_ops, ", ") + "\n";
  return out;
}

}  // namespace stator::client
