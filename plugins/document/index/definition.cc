#include "index/definition.h"

#include "stator/filter/compile.hpp"

namespace stator::document {
namespace {

constexpr char kPlainForm = 1;
constexpr char kFullForm = 2;
constexpr char kStateForm = 3;

bool take_text(std::string_view& rest, std::string& out) {
  std::size_t size = 0;
  for (unsigned shift = 0; !rest.empty() && shift < 32; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    size |= static_cast<std::size_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) break;
  }
  if (size > rest.size()) return false;
  out.assign(rest.substr(0, size));
  rest.remove_prefix(size);
  return true;
}

std::string form_of(const IndexDefinition& definition) {
  std::string form = {static_cast<char>(definition.kind), static_cast<char>(definition.collation),
                      static_cast<char>(definition.paths.size())};
  for (const std::string& path : definition.paths) packed::append_sized(form, path);
  packed::append_sized(form, definition.where);
  if (definition.is_ttl()) packed::append_varint(form, definition.expire_after_ms);
  return form;
}

bool read_form(std::string_view form, IndexDefinition& out) {
  if (form.size() < 3) return false;
  out.kind = static_cast<IndexKind>(form[0]);
  out.collation = static_cast<Collation>(form[1]);
  if (out.kind > IndexKind::kTtl || out.collation > Collation::kNoCase) return false;
  out.paths.resize(static_cast<std::uint8_t>(form[2]));
  if (out.paths.empty() || out.paths.size() > kIndexPathsMax) return false;
  form.remove_prefix(3);
  for (std::string& path : out.paths) {
    if (!take_text(form, path)) return false;
  }
  if (!take_text(form, out.where)) return false;
  if (out.is_ttl()) out.expire_after_ms = packed::detail::take_varint(form);
  out.program.clear();
  return out.where.empty() || filter::Compiler("where").compile(out.where, out.program);
}

}  // namespace

IndexDefinition plain_index(std::string_view path) {
  IndexDefinition definition;
  definition.name = path;
  definition.paths = {definition.name};
  return definition;
}

std::string definition_record(const IndexDefinition& definition) {
  std::string payload;
  packed::append_sized(payload, definition.name);
  return payload + form_of(definition);
}

bool read_definition_record(std::string_view payload, IndexDefinition& out) {
  return take_text(payload, out.name) && read_form(payload, out);
}

bool is_same_index(const IndexDefinition& a, const IndexDefinition& b) {
  return definition_record(a) == definition_record(b);
}

std::string stored_definition(const IndexDefinition& definition) {
  if (definition.is_ready()) return kFullForm + form_of(definition);
  std::string stored = {kStateForm, static_cast<char>(definition.state)};
  packed::append_sized(stored, definition.reason);
  return stored + form_of(definition);
}

bool read_stored_definition(std::string_view name, std::string_view value, IndexDefinition& out) {
  if (value == std::string_view(&kPlainForm, 1)) {
    out = plain_index(name);
    return true;
  }
  if (value.empty()) return false;
  out.name = name;
  if (value.front() == kFullForm) return read_form(value.substr(1), out);
  if (value.size() < 2 || value.front() != kStateForm) return false;
  out.state = static_cast<IndexState>(value[1]);
  value.remove_prefix(2);
  return out.state <= IndexState::kDropping && take_text(value, out.reason) &&
         read_form(value, out);
}

}  // namespace stator::document
