// Where a page ended, as a text that the client gives back for the next one. It names a position in
// the order of the rows, not a place in memory: it survives restarts, other numbers of lanes and
// any writes. The next page holds what lies behind the position then: a document that was moved
// across it by a write is seen twice or not at all, every other one exactly once.
//
//   text = lower-case hex of: version u8 (1), fingerprint u64 of what was asked, tie size u16, tie,
//          sort values (scan/sort.h)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

namespace stator::document {

// Of the text. A position that needs more (texts of kilobytes as sort values) has no cursor.
inline constexpr std::size_t kPageCursorBytesMax = 16 * 1024;

struct PagePosition {
  std::string tie;
  std::string values;
};

// Mixes the arguments that give rows and their order; FNV-1a over each text and its size.
class Fingerprint {
 public:
  Fingerprint& add(std::string_view text);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

// Where a page ended, of what was asked.
struct PageEnd {
  std::uint64_t fingerprint;
  PagePosition position;
};

// Says, in the answer and to the kernel, that there is a next page and where it begins; where that
// has no cursor, that there is more.
void end_page(const PageEnd& end, Reply& reply, json::Writer& writer);

// Empty if the text would be too long.
std::string write_page_cursor(std::uint64_t fingerprint, const PagePosition& position);
// False for a text that write_page_cursor did not make, or made for another fingerprint.
bool read_page_cursor(std::string_view text, std::uint64_t fingerprint, PagePosition& out);

}  // namespace stator::document
