#include <unordered_set>

#include "codec/any.h"
#include "codec/id_hash.h"
#include "codec/json_text.h"
#include "codec/update.h"
#include "codec/utf16.h"

namespace stator::crdt {
namespace {

constexpr std::uint8_t kOriginBit = 0x80;
constexpr std::uint8_t kRightOriginBit = 0x40;
constexpr std::uint8_t kKeyBit = 0x20;

const char* const kClockSpan = "a client's clock exceeds 4294967280";

// Reads one struct. When it `trusts_`, the bytes were checked before and only views are made.
class StructReader {
 public:
  StructReader(ByteReader& reader, bool trusts) : reader_(reader), trusts_(trusts) {}

  // `out.clock` is set by the caller; `client` owns the struct.
  bool read(std::uint64_t client, std::uint8_t info, Struct& out) {
    out.kind = static_cast<ContentKind>(info & 31);
    switch (out.kind) {
      case ContentKind::kGc:
      case ContentKind::kSkip:
        return length(out);
      case ContentKind::kMove:
        unsupported_ = true;
        return reader_.fail("move content (ref 11) is not supported");
      default:
        break;
    }
    if (out.kind > ContentKind::kMove) return reader_.fail("unknown kind of content");
    return ids(info, out) && acyclic(client, out) && content(out);
  }
  bool unsupported() const { return unsupported_; }
  bool over_budget() const { return over_budget_; }

 private:
  bool string(std::string_view& out) {
    return trusts_ ? reader_.var_bytes(out) : reader_.var_string(out);
  }
  bool length(Struct& out) {
    std::uint64_t value = 0;
    if (!reader_.var_uint(value)) return false;
    if (value == 0) return reader_.fail("a struct of length 0");
    if (value > kClockMax) return beyond_clocks();
    out.length = static_cast<std::uint32_t>(value);
    return true;
  }
  bool beyond_clocks() {
    over_budget_ = true;
    return reader_.fail(kClockSpan);
  }
  bool id(StructId& out) {
    std::uint64_t clock = 0;
    if (!reader_.var_uint(out.client) || !reader_.var_uint(clock)) return false;
    if (clock > kClockMax) return beyond_clocks();
    out.clock = static_cast<std::uint32_t>(clock);
    return true;
  }
  bool ids(std::uint8_t info, Struct& out) {
    out.has_origin = (info & kOriginBit) != 0;
    out.has_right_origin = (info & kRightOriginBit) != 0;
    if (out.has_origin && !id(out.origin)) return false;
    if (out.has_right_origin && !id(out.right_origin)) return false;
    if (out.has_origin || out.has_right_origin) return true;
    out.has_key = (info & kKeyBit) != 0;
    std::uint64_t is_root = 0;
    if (!reader_.var_uint(is_root)) return false;
    if (is_root > 1) return reader_.fail("a parent is neither a root nor an item");
    out.parent_kind = is_root == 1 ? ParentKind::kRoot : ParentKind::kItem;
    if (!(is_root == 1 ? string(out.parent_root) : id(out.parent_item))) return false;
    return !out.has_key || string(out.key);
  }
  // A struct can only refer to what its client had seen.
  bool acyclic(std::uint64_t client, const Struct& s) {
    const auto ahead = [&](const StructId& id) {
      return id.client == client && id.clock >= s.clock;
    };
    if ((s.has_origin && ahead(s.origin)) || (s.has_right_origin && ahead(s.right_origin)) ||
        (s.parent_kind == ParentKind::kItem && ahead(s.parent_item))) {
      return reader_.fail("a struct refers to a later one of its own client");
    }
    return true;
  }
  bool content(Struct& out) {
    out.length = 1;
    switch (out.kind) {
      case ContentKind::kDeleted:
        return length(out);
      case ContentKind::kJson:
      case ContentKind::kAny:
        return length(out) && values(out);
      case ContentKind::kBinary:
        return reader_.var_bytes(out.content);
      case ContentKind::kString:
        return text(out);
      case ContentKind::kEmbed:
        return json(out.content);
      default:
        return opaque(out);
    }
  }
  bool text(Struct& out) {
    if (!reader_.var_bytes(out.content)) return false;
    if (trusts_) return true;
    std::uint64_t units = 0;
    if (!measure_utf16(out.content, units)) return reader_.fail("a string is not valid UTF-8");
    if (units == 0) return reader_.fail("a struct of length 0");
    out.length = static_cast<std::uint32_t>(units);  // at most the bytes of the update
    return true;
  }
  bool json(std::string_view& out) {
    if (!string(out)) return false;
    return trusts_ || is_json_text(out) || reader_.fail("an embedded JSON text is not valid");
  }
  bool values(Struct& out) {
    if (trusts_) return reader_.bytes(reader_.left(), out.content);
    const std::size_t begin = reader_.offset();
    ByteReader start = reader_;
    for (std::uint32_t i = 0; i < out.length; ++i) {
      if (!(out.kind == ContentKind::kAny ? check_any(reader_) : legacy_value())) return false;
    }
    return start.bytes(reader_.offset() - begin, out.content);
  }
  bool legacy_value() {
    std::string_view text;
    if (!string(text)) return false;
    return text == "undefined" || is_json_text(text) ||
           reader_.fail("an embedded JSON text is not valid");
  }
  bool opaque(Struct& out) {
    if (trusts_) return reader_.bytes(reader_.left(), out.content);
    const std::size_t begin = reader_.offset();
    ByteReader start = reader_;
    std::string_view text;
    if (out.kind == ContentKind::kType) {
      if (!type()) return false;
    } else if (out.kind == ContentKind::kFormat) {
      if (!string(text) || !json(text)) return false;
    } else if (!string(text) || !check_any(reader_)) {
      return false;
    }
    return start.bytes(reader_.offset() - begin, out.content);
  }
  bool type() {
    std::uint64_t ref = 0;
    if (!reader_.var_uint(ref)) return false;
    if (ref > static_cast<std::uint64_t>(TypeKind::kXmlText)) {
      unsupported_ = true;
      return reader_.fail("only shared types 0 to 6 are supported");
    }
    std::string_view name;
    const auto kind = static_cast<TypeKind>(ref);
    const bool named = kind == TypeKind::kXmlElement || kind == TypeKind::kXmlHook;
    return !named || string(name);
  }

  ByteReader& reader_;
  const bool trusts_;
  bool unsupported_ = false;
  bool over_budget_ = false;
};

class UpdateDecoder {
 public:
  UpdateDecoder(std::string_view bytes, Update& out, const DecodeBudget& budget)
      : reader_(bytes), structs_(reader_, false), out_(out), budget_(budget) {
    out_ = Update{};
    out_.bytes = bytes;
  }

  DecodeResult run() {
    const bool ok = struct_sections() && delete_sections() &&
                    (reader_.left() == 0 || reader_.fail("bytes stand behind the delete set"));
    if (ok) return {};
    if (structs_.unsupported()) return {DecodeFault::kUnsupported, reader_.error()};
    if (over_budget_ || structs_.over_budget()) return {DecodeFault::kOverBudget, reader_.error()};
    return {DecodeFault::kMalformed, reader_.error()};
  }

 private:
  bool refuse_size(const char* why) {
    over_budget_ = true;
    return reader_.fail(why);
  }
  bool first_of(std::uint64_t client) {
    return seen_.insert(client).second || reader_.fail("a client has two sections");
  }
  bool struct_sections() {
    std::uint64_t clients = 0;
    if (!reader_.var_uint(clients)) return false;
    for (std::uint64_t i = 0; i < clients; ++i) {
      if (!struct_section()) return false;
    }
    seen_.clear();
    return true;
  }
  bool struct_section() {
    std::uint64_t count = 0;
    std::uint64_t client = 0;
    std::uint64_t clock = 0;
    if (!reader_.var_uint(count) || !reader_.var_uint(client) || !reader_.var_uint(clock)) {
      return false;
    }
    if (!first_of(client)) return false;
    const auto first = static_cast<std::uint32_t>(out_.refs.size());
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!one_struct(client, clock, first)) return false;
    }
    const auto kept = static_cast<std::uint32_t>(out_.refs.size()) - first;
    if (kept > 0) out_.structs.push_back({client, first, kept});
    return true;
  }
  bool one_struct(std::uint64_t client, std::uint64_t& clock, std::uint32_t section_first) {
    StructRef ref;
    ref.begin = static_cast<std::uint32_t>(reader_.offset());
    Struct value;
    if (!reader_.u8(ref.info)) return false;
    if (clock > kClockMax) return refuse_size(kClockSpan);
    value.clock = static_cast<std::uint32_t>(clock);
    if (!structs_.read(client, ref.info, value)) return false;
    if (clock + value.length > kClockMax) return refuse_size(kClockSpan);
    ref.clock = value.clock;
    ref.length = value.length;
    ref.bytes = static_cast<std::uint32_t>(reader_.offset()) - ref.begin;
    clock += value.length;
    return keep(ref, section_first);
  }
  // Runs of GC and of Skip are one struct, so that two bytes each cannot buy memory.
  bool keep(const StructRef& ref, std::uint32_t section_first) {
    const bool foldable = ref.kind() == ContentKind::kGc || ref.kind() == ContentKind::kSkip;
    if (foldable && out_.refs.size() > section_first && out_.refs.back().kind() == ref.kind()) {
      out_.refs.back().length += ref.length;
      return true;
    }
    if (out_.refs.size() >= budget_.structs_max) return refuse_size("more than 1000000 structs");
    out_.refs.push_back(ref);
    return true;
  }
  bool delete_sections() {
    std::uint64_t clients = 0;
    if (!reader_.var_uint(clients)) return false;
    for (std::uint64_t i = 0; i < clients; ++i) {
      if (!delete_section()) return false;
    }
    return true;
  }
  bool delete_section() {
    std::uint64_t client = 0;
    std::uint64_t count = 0;
    if (!reader_.var_uint(client) || !reader_.var_uint(count)) return false;
    if (!first_of(client)) return false;
    const auto first = static_cast<std::uint32_t>(out_.ranges.size());
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t clock = 0;
      std::uint64_t length = 0;
      if (!reader_.var_uint(clock) || !reader_.var_uint(length)) return false;
      if (length > kClockMax || clock + length > kClockMax) return refuse_size(kClockSpan);
      if (length == 0) return reader_.fail("a deleted range of length 0");
      if (out_.ranges.size() >= budget_.deletes_max) {
        return refuse_size("more than 1000000 deleted ranges");
      }
      out_.ranges.push_back(
          {static_cast<std::uint32_t>(clock), static_cast<std::uint32_t>(length)});
    }
    const auto kept = static_cast<std::uint32_t>(out_.ranges.size()) - first;
    if (kept > 0) out_.deletes.push_back({client, first, kept});
    return true;
  }

  ByteReader reader_;
  StructReader structs_;
  Update& out_;
  const DecodeBudget budget_;
  std::unordered_set<std::uint64_t, IdHash> seen_;
  bool over_budget_ = false;
};

}  // namespace

DecodeResult decode_update(std::string_view bytes, Update& out, const DecodeBudget& budget) {
  if (bytes.size() > 0xffff'ffff) return {DecodeFault::kOverBudget, "the update exceeds 4 GiB"};
  return UpdateDecoder(bytes, out, budget).run();
}

Struct read_struct(const Update& update, std::uint64_t client, const StructRef& ref) {
  Struct out;
  out.clock = ref.clock;
  if (ref.kind() != ContentKind::kGc && ref.kind() != ContentKind::kSkip) {
    ByteReader reader(update.bytes.substr(ref.begin + 1, ref.bytes - 1));
    StructReader(reader, true).read(client, ref.info, out);
  }
  out.kind = ref.kind();
  out.length = ref.length;
  return out;
}

}  // namespace stator::crdt
