// Keys of index entries: their bytes stand in the order of the values.
#include "index/index_key.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stator/services.h"

#include "number_model.h"
#include "packed_json.h"

namespace stator::document {
namespace {

std::string encoded(const std::string& text) {
  std::string stored;
  Encoder encoder;
  EXPECT_TRUE(encoder.encode(text, stored)) << text;
  return stored;
}

int sign(int order) { return (order > 0) - (order < 0); }
int sign_of(const ModelKey& a, const ModelKey& b) { return a < b ? -1 : (b < a ? 1 : 0); }

TEST(IndexKeyTest, BytesOrderAsTheModelDoesUnlessBothAreCut) {
  RandomValues random(1);
  for (const std::size_t room : {std::size_t{39}, std::size_t{60}, std::size_t{102}}) {
    int cut = 0;
    for (int i = 0; i < 15'000; ++i) {
      const std::string a = random.value();
      const std::string b = random.value();
      const std::string left = encoded(a);
      const std::string right = encoded(b);
      const int expected = sign_of(model_key(a), model_key(b));
      ASSERT_EQ(sign(compare_values(read_value(left), read_value(right))), expected)
          << a << " " << b;
      const IndexValue l = encode_index_value(read_value(left), room);
      const IndexValue r = encode_index_value(read_value(right), room);
      ASSERT_LE(std::max(l.bytes.size(), r.bytes.size()), room);
      if (l.is_cut && r.is_cut && l.bytes == r.bytes) {
        ++cut;
        continue;
      }
      ASSERT_EQ(sign(l.bytes.compare(r.bytes)), expected) << a << " " << b;
      // Prefix-free: what follows the value cannot change the order.
      ASSERT_TRUE(l.bytes == r.bytes || !l.bytes.starts_with(r.bytes)) << a << " " << b;
    }
    EXPECT_GT(cut, 100);
  }
}

TEST(IndexKeyTest, TheLongestKeyFits) {
  const std::string path(kIndexNameBytesMax, 'p');
  const std::string id(kDocumentIdBytesMax, 'i');
  for (const std::string& text : {to_json(std::string(5000, 'x')), std::string(400, '7'),
                                  "-" + std::string(400, '7'), to_json(std::string(500, '\0'))}) {
    const std::string stored = encoded("{\"" + path + "\":" + text + "}");
    std::vector<IndexEntry> entries;
    add_index_entries(plain_index(path), read_value(stored), id, entries);
    ASSERT_EQ(entries.size(), 1u);
    const IndexEntry& entry = entries.front();
    EXPECT_TRUE(entry.is_cut);
    EXPECT_LE(entry.key.size(), std::size_t{STATOR_KV_KEY_BYTES_MAX});
    EXPECT_GE(entry.key.size(), std::size_t{STATOR_KV_KEY_BYTES_MAX} - 2);
    IndexHit hit;
    const std::string value = index_entry_value(id, entry);
    ASSERT_TRUE(read_index_entry(entry.key, value, hit));
    EXPECT_EQ(hit.document_id, id);
    EXPECT_TRUE(hit.is_cut);
  }
}

TEST(IndexKeyTest, SuccessorIsAboveEverythingWithThePrefix) {
  EXPECT_EQ(successor("ab"), "ac");
  EXPECT_EQ(successor("a\xFF\xFF"), "b");
  EXPECT_EQ(successor("\xFF"), "");
}

}  // namespace
}  // namespace stator::document
