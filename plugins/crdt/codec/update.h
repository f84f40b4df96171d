// The Yjs update format, version 1, as npm yjs 13 writes it.
//
//   varUint clients
//     per client: varUint structs, varUint client, varUint first clock, the structs
//   delete set: varUint clients
//     per client: varUint client, varUint ranges, per range: varUint clock, varUint length
//
// A struct: a byte of info (low 5 bits: kind; then key, right origin, origin present), the ids, the
// parent if there is no origin, the content. Clients stand in descending order of their ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/lib0.h"

namespace stator::crdt {

// Numbers of the wire.
enum class ContentKind : std::uint8_t {
  kGc = 0,
  kDeleted = 1,
  kJson = 2,
  kBinary = 3,
  kString = 4,
  kEmbed = 5,
  kFormat = 6,
  kType = 7,
  kAny = 8,
  kDoc = 9,
  kSkip = 10,
  kMove = 11,  // exists in branches of Yjs only: refused
};

enum class TypeKind : std::uint8_t {
  kArray = 0,
  kMap = 1,
  kText = 2,
  kXmlElement = 3,
  kXmlFragment = 4,
  kXmlHook = 5,
  kXmlText = 6,
  kRoot = 255,  // never on the wire: a root's type is what the client thinks it is
};

// One element of a client's sequence.
struct StructId {
  std::uint64_t client = 0;
  std::uint32_t clock = 0;
};

struct ClockRange {
  std::uint32_t clock = 0;
  std::uint32_t length = 0;
  std::uint32_t end() const { return clock + length; }
  friend bool operator==(const ClockRange&, const ClockRange&) = default;
};

enum class ParentKind : std::uint8_t { kInherited, kRoot, kItem };

// A struct as it stands on the wire. Views point into the update.
struct Struct {
  ContentKind kind = ContentKind::kGc;
  ParentKind parent_kind = ParentKind::kInherited;
  bool has_origin = false;
  bool has_right_origin = false;
  bool has_key = false;  // read and written only where the parent is; the bit also elsewhere
  std::uint32_t clock = 0;
  std::uint32_t length = 0;
  StructId origin;
  StructId right_origin;
  StructId parent_item;          // kItem
  std::string_view parent_root;  // kRoot
  std::string_view key;
  // String: UTF-8. Binary: bytes. Embed: JSON text. JSON, Any: `length` values one after another.
  // Format, Type, Doc: all bytes of the content.
  std::string_view content;
};

// Where a struct stands in its update.
struct StructRef {
  std::uint32_t clock = 0;
  std::uint32_t length = 0;
  std::uint32_t begin = 0;
  std::uint32_t bytes = 0;
  std::uint8_t info = 0;
  std::uint32_t end() const { return clock + length; }
  ContentKind kind() const { return static_cast<ContentKind>(info & 31); }
};

// A checked update; `bytes` is borrowed.
struct Update {
  struct Section {
    std::uint64_t client = 0;
    std::uint32_t first = 0;  // into refs or ranges
    std::uint32_t count = 0;
  };
  std::string_view bytes;
  std::vector<Section> structs;
  std::vector<StructRef> refs;
  std::vector<Section> deletes;
  std::vector<ClockRange> ranges;
};

enum class DecodeFault : std::uint8_t { kNone, kMalformed, kOverBudget, kUnsupported };

struct DecodeResult {
  DecodeFault fault = DecodeFault::kNone;
  const char* why = "";  // a sentence, static
};

struct DecodeBudget {
  std::size_t structs_max = kUpdateStructsMax;
  std::size_t deletes_max = kUpdateDeletesMax;
};
// For what this engine has written itself.
inline constexpr DecodeBudget kNoBudget{0xffff'ffff, 0xffff'ffff};

// Checks every byte of an untrusted update and says where its structs are. Memory is bounded by
// 20 bytes a struct, never by a length that the update claims.
DecodeResult decode_update(std::string_view bytes, Update& out, const DecodeBudget& budget = {});

// The struct at `ref`, which decode_update has checked.
Struct read_struct(const Update& update, std::uint64_t client, const StructRef& ref);

// Writes a struct from its `offset`th element on: the origin of a cut struct is its last left-out
// element. `client` owns the struct.
void write_struct(ByteWriter& out, std::uint64_t client, const Struct& value, std::uint32_t offset);

// Bytes of the first `count` values in `content` (JSON and Any content).
std::size_t value_bytes(ContentKind kind, std::string_view content, std::uint32_t count);

}  // namespace stator::crdt
