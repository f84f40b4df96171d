// What a lane answers to a scan: rows in their order, for merge to put together.
//
//   part = indexed u8, rows: document id size u32, value size u32, data size u32, then these three
//   (little-endian; value in its stored form, data as JSON text; each may be empty); where rows
//   were left out because the part is full, three sizes of 2^32-1 behind the last
//
// Lives between the lanes of one process only; it is no format on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "stator/engine.hpp"

#include "packed_json.h"

namespace stator::document {

// What the rows of a page come to at most, of a lane and of the answer: room that an answer has. A
// page of large documents ends before its limit then; a row alone is always tried.
inline constexpr std::size_t kPageBytesMax = 11u * 1024 * 1024;

struct PartRow {
  std::string_view document_id;
  std::string_view value;
  std::string_view data;
};

// With one more row, of so many bytes at most beside its names, an answer would be larger than a
// page may be: it belongs to the next one. The first is no question.
bool is_page_full(const Reply& reply, std::size_t row_bytes_max);
// Bytes of JSON that a stored text or value comes to at most: six each, "\u0001".
inline constexpr std::size_t kJsonBytesPerByte = 6;

// Walks the rows of one part.
class PartReader {
 public:
  explicit PartReader(std::string_view part);
  bool next(PartRow& row);
  bool is_indexed() const { return is_indexed_; }
  // There is no next row here, but in the lane there was one.
  bool is_cut() const { return is_cut_; }

 private:
  std::string_view rest_;
  bool is_indexed_;
  bool is_cut_ = false;
};

// A lane answers one row more than the `limit` of the answer, which says that there are more. It
// is never shown, so it needs no data: one large document less.
class PartWriter {
 public:
  PartWriter(Reply& reply, bool is_indexed, std::uint64_t limit = UINT64_MAX);
  // The next row may be shown.
  bool wants_data() const { return left_ > 0; }
  void add(const PartRow& row);
  // The same of a page. False: the part is full, and ends before this row; none may follow.
  bool add_to_page(const PartRow& row);

 private:
  Reply& reply_;
  std::uint64_t left_;
  std::size_t bytes_ = 0;  // of the rows
};

enum class RowOrder {
  kByDocument,  // document ids, ascending
  kAscending,   // values, then document ids
  kDescending   // exactly the reverse of kAscending
};

// Negative if `a` stands before `b`.
struct RowKey {
  const Value& value;
  std::string_view document_id;
};
int compare_rows(RowOrder order, const RowKey& a, const RowKey& b);

// Gives the rows of all parts in one order; each part must be in that order itself.
class RowMerger {
 public:
  RowMerger(const Parts& parts, RowOrder order);
  bool next(PartRow& row);
  // All lanes used an index.
  bool is_indexed() const { return is_indexed_; }
  // It ends before rows that were left out.
  bool is_cut() const { return is_cut_; }

 private:
  struct Lane {
    PartReader reader;
    PartRow row;
    Value value;
  };
  bool advance(Lane& lane);

  RowOrder order_;
  bool is_indexed_ = true;
  bool is_cut_ = false;
  std::vector<Lane> lanes_;  // those that have a row
};

}  // namespace stator::document
