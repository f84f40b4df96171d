// TopRows: the first rows of many, in bounded memory.
#include "scan/top_rows.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packed_json.h"

namespace stator::document {
namespace {

std::vector<std::string> first_ids(std::size_t limit, RowOrder order) {
  std::vector<std::string> stored;
  for (int i = 0; i < 100; ++i) {
    stored.emplace_back();
    Encoder encoder;
    EXPECT_TRUE(encoder.encode(std::to_string(i * 37 % 100 / 2), stored.back()));
  }
  TopRows top(limit, order);
  for (int i = 0; i < 100; ++i) {
    const std::string id = "d" + std::to_string(i);
    const Value value = read_value(stored[static_cast<std::size_t>(i)]);
    if (top.wants(value, id)) top.add({id, value, {}});
  }
  std::vector<FoundRow> rows;
  top.move_to(rows);
  std::vector<std::string> ids;
  for (const FoundRow& row : rows) ids.push_back(row.document_id);
  return ids;
}

TEST(TopRowsTest, KeepsTheFirstRowsAndNoMore) {
  // 0 and 1 come from i = 0 and 73 (2701), 2 and 3 from 46 and 19: halves 0 0 1 1.
  EXPECT_THAT(first_ids(3, RowOrder::kAscending), testing::ElementsAre("d0", "d73", "d19"));
  EXPECT_THAT(first_ids(2, RowOrder::kDescending), testing::ElementsAre("d54", "d27"));
  EXPECT_EQ(first_ids(1000, RowOrder::kAscending).size(), 100u);
  EXPECT_TRUE(first_ids(0, RowOrder::kAscending).empty());
}

}  // namespace
}  // namespace stator::document
