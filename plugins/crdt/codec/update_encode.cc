#include "codec/any.h"
#include "codec/update.h"
#include "codec/utf16.h"

namespace stator::crdt {
namespace {

std::size_t legacy_bytes(std::string_view content, std::uint32_t count) {
  ByteReader reader(content);
  std::string_view text;
  for (std::uint32_t i = 0; i < count; ++i) reader.var_bytes(text);
  return reader.offset();
}

void write_text(ByteWriter& out, const Struct& value, std::uint32_t offset) {
  if (offset == 0) return out.var_bytes(value.content);
  const Utf16Cut cut = cut_utf16(value.content, value.length, offset);
  if (!cut.in_pair) return out.var_bytes(value.content.substr(cut.bytes));
  // Half a character is left: what JavaScript's encoder makes of a lone surrogate.
  const std::string_view rest = value.content.substr(cut.bytes + 4);
  out.var_uint(kReplacementCharacter.size() + rest.size());
  out.bytes(kReplacementCharacter);
  out.bytes(rest);
}

void write_content(ByteWriter& out, const Struct& value, std::uint32_t offset) {
  switch (value.kind) {
    case ContentKind::kDeleted:
      return out.var_uint(value.length - offset);
    case ContentKind::kJson:
    case ContentKind::kAny:
      out.var_uint(value.length - offset);
      return out.bytes(value.content.substr(value_bytes(value.kind, value.content, offset)));
    case ContentKind::kString:
      return write_text(out, value, offset);
    case ContentKind::kBinary:
    case ContentKind::kEmbed:
      return out.var_bytes(value.content);
    default:
      return out.bytes(value.content);
  }
}

void write_id(ByteWriter& out, const StructId& id) {
  out.var_uint(id.client);
  out.var_uint(id.clock);
}

}  // namespace

std::size_t value_bytes(ContentKind kind, std::string_view content, std::uint32_t count) {
  return kind == ContentKind::kAny ? any_bytes(content, count) : legacy_bytes(content, count);
}

void write_struct(ByteWriter& out, std::uint64_t client, const Struct& value,
                  std::uint32_t offset) {
  if (value.kind == ContentKind::kGc || value.kind == ContentKind::kSkip) {
    out.u8(static_cast<std::uint8_t>(value.kind));
    return out.var_uint(value.length - offset);
  }
  const bool has_origin = value.has_origin || offset > 0;
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(value.kind) | (has_origin ? 0x80u : 0u) |
                                   (value.has_right_origin ? 0x40u : 0u) |
                                   (value.has_key ? 0x20u : 0u)));
  if (offset > 0) {
    write_id(out, {client, value.clock + offset - 1});
  } else if (value.has_origin) {
    write_id(out, value.origin);
  }
  if (value.has_right_origin) write_id(out, value.right_origin);
  if (!has_origin && !value.has_right_origin) {
    const bool is_root = value.parent_kind == ParentKind::kRoot;
    out.var_uint(is_root ? 1 : 0);
    if (is_root) {
      out.var_bytes(value.parent_root);
    } else {
      write_id(out, value.parent_item);
    }
    if (value.has_key) out.var_bytes(value.key);
  }
  write_content(out, value, offset);
}

}  // namespace stator::crdt
