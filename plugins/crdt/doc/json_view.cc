#include "doc/json_view.h"

#include "codec/any.h"
#include "codec/json_text.h"
#include "doc/xml_view.h"

namespace stator::crdt {
namespace {

bool is_xml(TypeKind kind) {
  return kind == TypeKind::kXmlElement || kind == TypeKind::kXmlFragment ||
         kind == TypeKind::kXmlText || kind == TypeKind::kXmlHook;
}

// A legacy JSON value: text of JSON, or the word undefined.
void write_legacy(std::string_view text, json::Writer& out) {
  if (text == "undefined") {
    out.null();
  } else {
    out.raw(repaired_json(text));
  }
}

std::string_view last_legacy(const Item& item, std::string_view content) {
  ByteReader reader(content);
  std::string_view text;
  for (std::uint32_t i = 0; i < item.length; ++i) reader.var_bytes(text);
  return text;
}

}  // namespace

ViewResult JsonView::write(json::Writer& out) {
  out.begin_object();
  for (const Index root : store_.roots()) {
    const Type& type = store_.type(root);
    out.key(store_.key(type.name));
    write_type(root, out);
    if (result_ != ViewResult::kDone) break;
  }
  out.end_object();
  return result_;
}

// Counts a step; false if the walk must end.
bool JsonView::enter() {
  constexpr std::uint32_t kStepsPerCheck = 256;
  if (++steps_ % kStepsPerCheck == 0 && should_stop_ && should_stop_()) {
    result_ = ViewResult::kStopped;
  }
  return result_ == ViewResult::kDone;
}

void JsonView::note_limits(const XmlView& xml) {
  if (xml.is_too_deep()) result_ = ViewResult::kTooDeep;
  if (xml.is_too_long()) result_ = ViewResult::kTooLong;
}

void JsonView::write_type(Index index, json::Writer& out) {
  if (depth_ >= kTypeDepthMax) {
    result_ = ViewResult::kTooDeep;
    return;
  }
  ++depth_;
  const Type& type = store_.type(index);
  switch (type.kind) {
    case TypeKind::kRoot:
      write_root(index, out);
      break;
    case TypeKind::kArray:
      write_array(type, out);
      break;
    case TypeKind::kXmlHook:
    case TypeKind::kMap:
      write_map(index, out);
      break;
    case TypeKind::kText:
      write_text(type, out);
      break;
    default: {
      XmlView xml(store_);
      out.string(xml.text(index));
      note_limits(xml);
    }
  }
  --depth_;
}

// SeenContent of what is in the list now.
std::uint8_t JsonView::live_content(const Type& root) const {
  std::uint8_t out = 0;
  for (Index i = root.start; i != kNone; i = store_.item(i).right) {
    const Item& item = store_.item(i);
    if (item.deleted) continue;
    if (item.kind == ContentKind::kString || item.kind == ContentKind::kEmbed ||
        item.kind == ContentKind::kFormat) {
      return kSeenText;
    }
    const bool xml = item.kind == ContentKind::kType && is_xml(store_.type_of(item).kind);
    out = static_cast<std::uint8_t>(out | (xml ? kSeenXml : kSeenValues));
  }
  return out;
}

bool JsonView::has_live_key(Index type) const {
  for (const Index key : store_.type(type).keys) {
    if (!store_.item(store_.entry(type, key)).deleted) return true;
  }
  return false;
}

void JsonView::write_root(Index index, json::Writer& out) {
  const Type& root = store_.type(index);
  std::uint8_t content = live_content(root);
  if (content == 0 && has_live_key(index)) content = kSeenKeys;
  if (content == 0) content = root.seen;
  if ((content & kSeenText) != 0) {
    write_text(root, out);
  } else if ((content & kSeenValues) != 0) {
    write_array(root, out);
  } else if ((content & kSeenXml) != 0) {
    XmlView xml(store_);
    out.string(xml.text(index));
    note_limits(xml);
  } else if ((content & kSeenKeys) != 0) {
    write_map(index, out);
  } else {
    out.null();
  }
}

void JsonView::write_array(const Type& type, json::Writer& out) {
  out.begin_array();
  for (Index i = type.start; i != kNone && enter(); i = store_.item(i).right) {
    const Item& item = store_.item(i);
    if (!item.deleted && is_countable(item.kind)) write_values(item, out);
  }
  out.end_array();
}

void JsonView::write_map(Index index, json::Writer& out) {
  out.begin_object();
  for (const Index key : store_.type(index).keys) {
    if (!enter()) break;
    const Item& item = store_.item(store_.entry(index, key));
    if (item.deleted || !is_countable(item.kind)) continue;
    if (item.kind == ContentKind::kAny) {
      const std::string_view content = store_.content(item);
      const std::string_view last = content.substr(any_bytes(content, item.length - 1));
      if (is_undefined(ByteReader(last))) continue;
    }
    if (item.kind == ContentKind::kJson && last_legacy(item, store_.content(item)) == "undefined") {
      continue;
    }
    out.key(store_.key(key));
    write_last_value(item, out);
  }
  out.end_object();
}

void JsonView::write_text(const Type& type, json::Writer& out) {
  std::string text;
  for (Index i = type.start; i != kNone && enter(); i = store_.item(i).right) {
    const Item& item = store_.item(i);
    if (!item.deleted && item.kind == ContentKind::kString) text.append(store_.content(item));
  }
  out.string(text);
}

void JsonView::write_values(const Item& item, json::Writer& out) {
  ByteReader reader(store_.content(item));
  std::string_view text;
  switch (item.kind) {
    case ContentKind::kAny:
      for (std::uint32_t i = 0; i < item.length && enter(); ++i) write_any_json(reader, out);
      return;
    case ContentKind::kJson:
      for (std::uint32_t i = 0; i < item.length && enter(); ++i) {
        reader.var_bytes(text);
        write_legacy(text, out);
      }
      return;
    default:
      write_single(item, out);
  }
}

void JsonView::write_last_value(const Item& item, json::Writer& out) {
  const std::string_view content = store_.content(item);
  if (item.kind == ContentKind::kAny) {
    ByteReader last(content.substr(any_bytes(content, item.length - 1)));
    write_any_json(last, out);
  } else if (item.kind == ContentKind::kJson) {
    write_legacy(last_legacy(item, content), out);
  } else {
    write_single(item, out);
  }
}

void JsonView::write_single(const Item& item, json::Writer& out) {
  const std::string_view content = store_.content(item);
  switch (item.kind) {
    case ContentKind::kBinary:
      return write_base64_json(content, out);
    case ContentKind::kEmbed:
      out.raw(repaired_json(content));
      return;
    case ContentKind::kString:
      out.string(content);
      return;
    case ContentKind::kType:
      return write_type(item.content.offset, out);
    case ContentKind::kDoc: {
      std::string_view guid;
      ByteReader(content).var_bytes(guid);
      out.begin_object().field("guid", guid).end_object();
      return;
    }
    default:
      out.null();
  }
}

}  // namespace stator::crdt
