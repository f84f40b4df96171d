#include "json_value.h"

#include <algorithm>

#include "stator/json_writer.hpp"

namespace stator::client {
namespace {

bool read_value(json::Reader& reader, JsonValue& value);

bool read_object(json::Reader& reader, JsonValue& value) {
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    value.members.push_back({json::unescape(key), {}});
    if (!read_value(reader, value.members.back().value)) return false;
  }
  return !reader.failed();
}

bool read_array(json::Reader& reader, JsonValue& value) {
  for (reader.enter_array(); reader.next_element();) {
    value.items.emplace_back();
    if (!read_value(reader, value.items.back())) return false;
  }
  return !reader.failed();
}

bool read_value(json::Reader& reader, JsonValue& value) {
  value.kind = reader.peek();
  if (value.kind == json::Kind::kObject) return read_object(reader, value);
  if (value.kind == json::Kind::kArray) return read_array(reader, value);
  if (value.kind == json::Kind::kString) {
    json::RawString raw;
    if (!reader.string(raw)) return false;
    value.text = json::unescape(raw);
    return true;
  }
  std::string_view raw;
  if (!reader.skip(raw)) return false;
  value.text = raw;
  return true;
}

void write_json(const JsonValue& value, json::Writer& out) {
  switch (value.kind) {
    case json::Kind::kString:
      out.string(value.text);
      return;
    case json::Kind::kArray:
      out.begin_array();
      for (const JsonValue& item : value.items) write_json(item, out);
      out.end_array();
      return;
    case json::Kind::kObject:
      out.begin_object();
      for (const auto& [name, member] : value.members) {
        out.key(name);
        write_json(member, out);
      }
      out.end_object();
      return;
    default:
      out.raw(value.text.empty() ? "null" : value.text);
  }
}

}  // namespace

const JsonValue& JsonValue::operator[](std::string_view name) const {
  static const JsonValue kNone;
  const auto it = std::find_if(members.begin(), members.end(),
                               [&](const auto& member) { return member.name == name; });
  return it == members.end() ? kNone : it->value;
}

bool parse_json(std::string_view text, JsonValue& value) {
  json::Reader reader(text);
  return read_value(reader, value) && reader.at_end();
}

std::string to_json(const JsonValue& value) {
  json::StringOut out;
  json::Writer writer(out);
  write_json(value, writer);
  return out.take();
}

std::string compact_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_string && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) continue;
    out += c;
    if (c == '"') in_string = !in_string;
    if (c == '\\' && i + 1 < text.size()) out += text[++i];
  }
  return out;
}

}  // namespace stator::client
