// Every bound of the crdt engine, with its reason. prepare refuses what exceeds one; apply never
// looks at them, so a document that is stored can always be read back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stator::crdt {

// Largest integer of the format: lib0 numbers are JavaScript's safe integers.
inline constexpr std::uint64_t kSafeIntegerMax = (std::uint64_t{1} << 53) - 1;
// End of a client's clock range. The format allows 2^53-1; a clock counts the characters and values
// one session wrote, so 32 bits are plenty and keep an item at 64 bytes.
inline constexpr std::uint64_t kClockMax = 0xffff'fff0;
// Bytes of one update: what fits the 16 MiB frame as base64 with room for the other fields.
inline constexpr std::size_t kUpdateBytesMax = std::size_t{8} << 20;
// Structs of one update after runs of GC and Skip are folded; decoding takes 20 bytes a struct.
inline constexpr std::size_t kUpdateStructsMax = 1'000'000;
// Ranges of one update's delete set; applying one may split two items.
inline constexpr std::size_t kUpdateDeletesMax = 1'000'000;
// Structs of one document: 2 million items are about 160 MB in memory.
inline constexpr std::size_t kDocumentStructsMax = 2'000'000;
// Client ids of one document. Each page load of an editor makes a new one.
inline constexpr std::size_t kDocumentClientsMax = 262'144;
// Content bytes of one document, and of the names it spells out.
inline constexpr std::size_t kDocumentBytesMax = std::size_t{64} << 20;
// Bytes of updates that wait for others. Honest peers wait for few and small ones.
inline constexpr std::size_t kPendingBytesMax = std::size_t{4} << 20;
// Structs and deleted ranges that wait: an update that brings what is missed looks at all of them.
inline constexpr std::size_t kPendingPartsMax = 65'536;
// Items one conflict scan walks over before their list gets an index (doc/conflict_index.h): above
// what people typing at one place make, below what anybody would notice.
inline constexpr std::uint32_t kConflictScanMax = 256;
// Bytes of an XML type written as text: its marks are written around every run, so it may be much
// longer than the document.
inline constexpr std::size_t kXmlBytesMax = std::size_t{64} << 20;
// A document's JSON value where row policies are asked about it: an update is some 15 ms of a
// lane then. The text of a long book is a quarter of it.
inline constexpr std::size_t kRowBytesMax = std::size_t{4} << 20;
// Nesting of one value, and of types within types when a document is written as JSON. Below the
// 128 levels that the JSON readers of server and clients take.
inline constexpr int kValueDepthMax = 48;
inline constexpr int kTypeDepthMax = 48;

// Updates stored one by one behind the image before they are folded into it: enough to make the
// fold rare, few enough to keep a cold read short. A tail is also folded when it outweighs the
// image, and in any case at the second pair of bounds.
inline constexpr std::uint32_t kTailUpdatesMin = 64;
inline constexpr std::uint32_t kTailUpdatesMax = 1024;
inline constexpr std::uint64_t kTailBytesMax = std::uint64_t{8} << 20;
// A stored image is cut into values of this size: far below the 64 MiB of stator.kv.
inline constexpr std::size_t kImageChunkBytes = std::size_t{1} << 20;
// Ranges of mutation ids remembered per peer and document; the lowest are forgotten first. A
// forgotten one that comes again changes nothing: updates are idempotent by nature.
inline constexpr std::size_t kMutationRangesMax = 128;

// Materialised documents kept per lane, unless the config says otherwise.
inline constexpr std::uint64_t kCacheDocumentsDefault = 4096;
inline constexpr std::uint64_t kCacheBytesDefault = std::uint64_t{128} << 20;

}  // namespace stator::crdt
