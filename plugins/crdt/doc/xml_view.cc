#include "doc/xml_view.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "stator/json_reader.hpp"

#include "codec/any.h"
#include "codec/json_text.h"
#include "codec/utf16.h"

namespace stator::crdt {
namespace {

// What JavaScript makes of an object put into a text.
constexpr std::string_view kObjectText = "[object Object]";

using Attributes = std::vector<std::pair<std::string, std::string>>;

void sort_by_name(Attributes& attributes) {
  std::sort(attributes.begin(), attributes.end(),
            [](const auto& a, const auto& b) { return less_utf16(a.first, b.first); });
}

void append_attributes(const Attributes& attributes, std::string& out) {
  for (const auto& [name, value] : attributes) {
    out.append(" ").append(name).append("=\"").append(value).append("\"");
  }
}

// ASCII only: names of elements are.
std::string lower_case(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string scalar_text(json::Reader& reader) {
  std::string_view raw;
  json::RawString text;
  if (reader.peek() == json::Kind::kString && reader.string(text)) return json::unescape(text);
  if (reader.peek() == json::Kind::kObject) return reader.skip(raw) ? std::string(kObjectText) : "";
  return reader.skip(raw) ? std::string(raw) : "";
}

// The members of a mark's value become attributes of its tag.
Attributes members(std::string_view json_text) {
  Attributes out;
  const std::string repaired = repaired_json(json_text);
  json::Reader reader(repaired);
  if (reader.peek() != json::Kind::kObject) return out;
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string name = json::unescape(key);
    out.emplace_back(std::move(name), scalar_text(reader));
  }
  sort_by_name(out);
  return out;
}

}  // namespace

std::string XmlView::text(Index type) {
  std::string out;
  append_type(type, out);
  return out;
}

void XmlView::append_type(Index index, std::string& out) {
  if (depth_ >= kTypeDepthMax) {
    is_too_deep_ = true;
    return;
  }
  ++depth_;
  const Type& type = store_.type(index);
  switch (type.kind) {
    case TypeKind::kRoot:
    case TypeKind::kXmlFragment:
      append_children(type, out);
      break;
    case TypeKind::kXmlElement:
      append_element(index, out);
      break;
    case TypeKind::kText:
      append_plain(type, out);
      break;
    case TypeKind::kXmlText:
      append_marked(type, out);
      break;
    default:
      out.append(kObjectText);
  }
  --depth_;
}

void XmlView::append_children(const Type& type, std::string& out) {
  for (Index i = type.start; i != kNone; i = store_.item(i).right) {
    const Item& item = store_.item(i);
    if (!item.deleted && item.kind == ContentKind::kType) append_type(item.content.offset, out);
  }
}

std::string XmlView::attribute_text(const Item& value) {
  const std::string_view content = store_.content(value);
  switch (value.kind) {
    case ContentKind::kAny:
      return any_to_text(content.substr(any_bytes(content, value.length - 1)));
    case ContentKind::kString:
      return std::string(content);
    case ContentKind::kType:
      return text(value.content.offset);
    default:
      return std::string(kObjectText);
  }
}

void XmlView::append_element(Index index, std::string& out) {
  const Type& type = store_.type(index);
  ByteReader payload(store_.content(store_.item(type.item)));
  std::uint64_t kind = 0;
  std::string_view name;
  payload.var_uint(kind);
  payload.var_bytes(name);
  Attributes attributes;
  for (const Index key : type.keys) {
    const Item& value = store_.item(store_.entry(index, key));
    if (!value.deleted) attributes.emplace_back(store_.key(key), attribute_text(value));
  }
  sort_by_name(attributes);
  const std::string tag = lower_case(name);
  out.append("<").append(tag);
  append_attributes(attributes, out);
  out.append(">");
  append_children(type, out);
  out.append("</").append(tag).append(">");
}

void XmlView::append_plain(const Type& type, std::string& out) {
  for (Index i = type.start; i != kNone; i = store_.item(i).right) {
    const Item& item = store_.item(i);
    if (!item.deleted && item.kind == ContentKind::kString) out.append(store_.content(item));
  }
}

void XmlView::set_mark(const Item& format, Marks& marks) const {
  ByteReader reader(store_.content(format));
  std::string_view name;
  std::string_view value;
  reader.var_bytes(name);
  reader.var_bytes(value);
  if (value == "null") {
    marks.erase(name);
  } else {
    marks[name] = value;
  }
}

void XmlView::append_marked(const Type& type, std::string& out) {
  Marks marks;
  std::string run;
  const auto flush = [&] {
    if (!run.empty()) append_run(marks, run, out);
    run.clear();
  };
  for (Index i = type.start; i != kNone && !is_too_long(); i = store_.item(i).right) {
    const Item& item = store_.item(i);
    if (item.deleted) continue;
    if (item.kind == ContentKind::kString) {
      run.append(store_.content(item));
    } else if (item.kind == ContentKind::kFormat) {
      flush();
      set_mark(item, marks);
    } else {
      flush();
      const bool is_type = item.kind == ContentKind::kType;
      append_run(marks, is_type ? text(item.content.offset) : std::string(kObjectText), out);
    }
  }
  flush();
}

void XmlView::append_run(const Marks& marks, std::string_view run, std::string& out) {
  const std::size_t before = out.size();
  for (const auto& [name, value] : marks) {
    out.append("<").append(name);
    append_attributes(members(value), out);
    out.append(">");
  }
  out.append(run);
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    out.append("</").append(mark->first).append(">");
  }
  written_ += out.size() - before;
}

}  // namespace stator::crdt
