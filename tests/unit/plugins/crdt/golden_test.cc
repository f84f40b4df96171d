// Our documents against npm yjs 13.6.33: the same values and the same bytes.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "codec/any.h"
#include "codec/update_merge.h"
#include "doc/document.h"
#include "doc/json_view.h"
#include "golden_file.h"

namespace stator::crdt {
namespace {

using golden::Case;
using golden::Tree;

void put(std::string_view bytes, Document& document) {
  Update update;
  const DecodeResult result = decode_update(bytes, update);
  ASSERT_EQ(result.fault, DecodeFault::kNone) << result.why;
  document.apply(update);
}

Document apply_in(const Case& golden, const std::vector<std::size_t>& order,
                  Document::Options options = {}) {
  Document document(options);
  for (const std::size_t i : order) put(golden.updates[i], document);
  return document;
}

std::vector<std::size_t> creation_order(const Case& golden) {
  std::vector<std::size_t> order(golden.updates.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  return order;
}

std::string json_of(const Document& document) {
  json::StringOut text;
  json::Writer out(text);
  EXPECT_EQ(JsonView(document.store(), {}).write(out), ViewResult::kDone);
  return text.take();
}

// A root that nothing was ever written to is absent; yjs makes an empty one when asked.
bool same(const Tree& ours, const Tree& expected) {
  if (ours.is_null())
    return expected.text.empty() && expected.elements.empty() && expected.members.empty();
  return ours == expected;
}

void expect_values(const Document& document, const Case& golden) {
  const std::string text = json_of(document);
  const Tree ours = golden::parse_tree(text);
  const auto expected = [&](const char* name) { return *golden::untagged(golden.expect[name]); };
  EXPECT_TRUE(same(ours["text"], expected("text"))) << golden.number << " " << text;
  EXPECT_TRUE(same(ours["array"], expected("arrayJSON"))) << golden.number << " " << text;
  EXPECT_TRUE(same(ours["map"], expected("mapJSON"))) << golden.number << " " << text;
  EXPECT_TRUE(same(ours["xml"], expected("xml"))) << golden.number << " " << text;
}

void expect_converges(const Case& golden) {
  const Document in_order = apply_in(golden, creation_order(golden));
  expect_values(in_order, golden);
  EXPECT_EQ(in_order.encode_state_vector(), golden.state_vector);

  const Document shuffled = apply_in(golden, golden.shuffled);
  expect_values(shuffled, golden);
  EXPECT_EQ(shuffled.encode_state(), in_order.encode_state()) << golden.number;

  auto order = creation_order(golden);
  const std::vector<std::size_t> again = order;
  order.insert(order.end(), again.begin(), again.end());
  std::mt19937 random(static_cast<unsigned>(golden.number));
  std::shuffle(order.begin(), order.end(), random);
  const Document twice = apply_in(golden, order);
  expect_values(twice, golden);
  EXPECT_EQ(twice.encode_state(), in_order.encode_state()) << golden.number;
  EXPECT_FALSE(twice.has_pending());

  Document loaded;
  put(in_order.encode_state(), loaded);
  EXPECT_EQ(loaded.encode_state(), in_order.encode_state()) << golden.number;

  std::vector<Update> updates(golden.updates.size());
  for (std::size_t i = 0; i < updates.size(); ++i) decode_update(golden.updates[i], updates[i]);
  Document merged;
  put(merge_updates(updates), merged);
  EXPECT_EQ(merged.encode_state(), in_order.encode_state()) << golden.number;
}

void expect_survives_a_gap(const Case& golden) {
  if (golden.dropped < 0) return;
  const auto dropped = static_cast<std::size_t>(golden.dropped);
  auto order = creation_order(golden);
  order.erase(order.begin() + golden.dropped);
  Document document = apply_in(golden, order);
  EXPECT_EQ(document.encode_state_vector(), golden.state_vector_without_dropped);
  // What waits is part of the encoded state: a document made of it ends the same.
  Document loaded;
  put(document.encode_state(), loaded);
  EXPECT_EQ(loaded.has_pending(), document.has_pending());
  put(golden.updates[dropped], document);
  put(golden.updates[dropped], loaded);
  expect_values(document, golden);
  expect_values(loaded, golden);
  EXPECT_FALSE(loaded.has_pending());
}

struct EqualBytes {
  int cases = 0;
  int state = 0;
  int diff = 0;
};

EqualBytes count_equal_bytes(const std::vector<Case>& cases, Document::Options options) {
  EqualBytes out;
  for (const Case& golden : cases) {
    const Document document = apply_in(golden, creation_order(golden), options);
    StateVector since;
    EXPECT_EQ(decode_state_vector(golden.remote_state_vector, since), nullptr);
    ++out.cases;
    out.state += document.encode_state() == golden.v1 ? 1 : 0;
    out.diff += document.encode_state(since) == golden.diff_v1 ? 1 : 0;
  }
  return out;
}

void expect_all(const std::vector<Case>& cases) {
  ASSERT_FALSE(cases.empty());
  for (const Case& golden : cases) {
    expect_converges(golden);
    expect_survives_a_gap(golden);
  }
  const EqualBytes equal = count_equal_bytes(cases, {.formatting_cleanup = true});
  EXPECT_EQ(equal.state, equal.cases);
  EXPECT_EQ(equal.diff, equal.cases);
  // As the server runs it, nothing is written that no user wrote: rare cases keep marks that yjs
  // removes.
  const EqualBytes plain = count_equal_bytes(cases, {});
  EXPECT_GE(plain.state, plain.cases - 1 - plain.cases / 50);
}

TEST(GoldenTest, EqualsYjsInTheCasesKeptHere) {
  expect_all(golden::read_cases(golden::source_folder() / "golden" / "ascii.jsonl"));
  expect_all(golden::read_cases(golden::source_folder() / "golden" / "unicode.jsonl"));
}

TEST(GoldenTest, EqualsYjsInAllAsciiCases) {
  const auto file = golden::find_data("crdt/yjs-golden-ascii-13.6.33.jsonl.gz");
  if (file.empty()) GTEST_SKIP() << "no shared test data";
  expect_all(golden::read_cases(file));
}

TEST(GoldenTest, EqualsYjsInAllUnicodeCases) {
  const auto file = golden::find_data("crdt/yjs-golden-13.6.33.jsonl.gz");
  if (file.empty()) GTEST_SKIP() << "no shared test data";
  expect_all(golden::read_cases(file));
}

Tree tree_of_any(ByteReader& reader) {
  json::StringOut text;
  json::Writer out(text);
  write_any_json(reader, out);
  return golden::parse_tree(text.take());
}

// The root read as a Y.Text. A text that holds nothing but embedded types looks like an array to
// somebody who does not know its type; the lists below have such ones.
std::string plain_text(const Store& store, std::string_view name) {
  std::string out;
  for (const Index root : store.roots()) {
    if (store.key(store.type(root).name) != name) continue;
    for (Index i = store.type(root).start; i != kNone; i = store.item(i).right) {
      const Item& item = store.item(i);
      if (!item.deleted && item.kind == ContentKind::kString) out.append(store.content(item));
    }
  }
  return out;
}

TEST(GoldenTest, EqualsYjsInTheRandomUpdateLists) {
  const auto file = golden::find_data("crdt/y-crdt-small-test-dataset.bin.gz");
  if (file.empty()) GTEST_SKIP() << "no shared test data";
  const std::string bytes = golden::read_file(file);
  ByteReader reader(bytes);
  std::uint64_t tests = 0;
  ASSERT_TRUE(reader.var_uint(tests));
  ASSERT_GT(tests, 5000u);
  for (std::uint64_t i = 0; i < tests; ++i) {
    std::uint64_t count = 0;
    ASSERT_TRUE(reader.var_uint(count));
    Document document;
    for (std::uint64_t k = 0; k < count; ++k) {
      std::string_view update;
      ASSERT_TRUE(reader.var_bytes(update));
      put(update, document);
    }
    std::string_view text;
    ASSERT_TRUE(reader.var_string(text));
    const Tree map = tree_of_any(reader);
    const Tree array = tree_of_any(reader);
    const Tree ours = golden::parse_tree(json_of(document));
    ASSERT_EQ(plain_text(document.store(), "text"), text) << i;
    ASSERT_TRUE(text.empty() || ours["text"].text == text) << i;
    ASSERT_TRUE(same(ours["map"], map)) << i;
    ASSERT_TRUE(same(ours["array"], array)) << i;
  }
  EXPECT_EQ(reader.left(), 0u);
}

}  // namespace
}  // namespace stator::crdt
