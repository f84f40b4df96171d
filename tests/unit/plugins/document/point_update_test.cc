// point_update and document_upsert: what a change does to a document.
#include <string>

#include "document_fixture.h"
#include "edit/update.h"
#include "support/instruction_count.h"
#include "support/sanitizer.h"

namespace stator::document {
namespace {

using testkit::Answer;

class PointUpdateTest : public testing::Test {
 protected:
  Answer update(std::string_view changes) {
    return documents.kernel.call("point_update",
                                 R"({"document_id":"a",)" + std::string(changes) + "}");
  }
  Answer upsert(std::string_view data) {
    return documents.kernel.call("document_upsert",
                                 R"({"document_id":"a","data":)" + std::string(data) + "}");
  }
  std::string after(std::string_view before, std::string_view changes) {
    documents.put("a", before);
    const Answer answer = update(changes);
    EXPECT_EQ(answer.status, STATOR_OK) << answer.field << ": " << answer.detail;
    return documents.get("a").payload;
  }
  // A refusal changes nothing.
  std::string refusal(std::string_view before, std::string_view changes) {
    documents.put("a", before);
    const auto stored = documents.kernel.dump();
    const Answer answer = update(changes);
    EXPECT_NE(answer.status, STATOR_OK);
    EXPECT_EQ(documents.kernel.dump(), stored);
    return answer.field + "|" + answer.detail;
  }
  Documents documents;
};

TEST_F(PointUpdateTest, SetsMakesAndReplaces) {
  EXPECT_EQ(after(R"({"a":1,"b":{"c":2}})", R"("set":{"a":"x","b.d.e":[1],"z":null})"),
            R"({"a":"x","b":{"c":2,"d":{"e":[1]}},"z":null})");
  EXPECT_EQ(after(R"({"l":[1,{"k":2}]})", R"("set":{"l.0":5,"l.1.k":6,"l.2":7,"l.3.n":8})"),
            R"({"l":[5,{"k":6},7,{"n":8}]})");
  EXPECT_EQ(after(R"({"a":{"b":1}})", R"("set":{"a":[]})"), R"({"a":[]})");
}

TEST_F(PointUpdateTest, UnsetsMembersAndElements) {
  EXPECT_EQ(
      after(R"({"a":1,"b":{"c":2,"d":3},"l":[1,2,3]})", R"("unset":["a","b.c","l.1","x.y","l.9"])"),
      R"({"b":{"d":3},"l":[1,3]})");
}

// {"k0":value,…} of `count` members; every third of a patch is null.
std::string many(std::size_t count, int value, bool is_patch) {
  std::string text = "{";
  for (std::size_t i = 0; i < count; ++i) {
    text.append(i == 0 ? "" : ",").append("\"k" + std::to_string(i) + "\":");
    text.append(is_patch && i % 3 == 0 ? "null" : std::to_string(value));
  }
  return text + "}";
}

// What is looked up in a table, and what has been taken out, is as if it were looked at one by one.
TEST_F(PointUpdateTest, ManyPathsOfOneObjectAndOfOneArray) {
  std::string before;
  std::string set;
  std::string unset;
  std::string push;
  std::string after_all;
  for (int i = 0; i < 60; ++i) {
    const std::string key = "\"k" + std::to_string(i) + "\":";
    before += (i == 0 ? "" : ",") + key + std::to_string(i);
    if (i % 3 == 0) set += ",\"o.k" + std::to_string(i) + "\":\"new\"";
    if (i % 3 == 1) unset += ",\"o.k" + std::to_string(i) + "\"";
    if (i % 6 == 1) push += (push.empty() ? "" : ",") + ("\"o.k" + std::to_string(i)) + "\":7";
    if (i % 3 == 1) continue;
    after_all += (i == 0 ? "" : ",") + key + (i % 3 == 0 ? "\"new\"" : std::to_string(i));
  }
  for (int i = 1; i < 60; i += 6) after_all += ",\"k" + std::to_string(i) + "\":[7]";
  EXPECT_EQ(after("{\"o\":{" + before + "}}", "\"set\":{" + set.substr(1) + "},\"unset\":[" +
                                                  unset.substr(1) + "],\"push\":{" + push + "}"),
            "{\"o\":{" + after_all + "}}");
  EXPECT_EQ(after(R"({"l":[0,1,2,3,4,5,6,7]})",
                  R"("set":{"l.8":8},"unset":["l.1","l.1","l.4","l.0","l.9"],"inc":{"l.1":10},)"
                  R"("push":{"l":9})"),
            R"({"l":[3,14,5,7,8,9]})");
}

TEST_F(PointUpdateTest, APathThatWasMadeAnObjectIsNoNumber) {
  EXPECT_EQ(refusal(R"({"x":1})", R"("set":{"a.b":1},"inc":{"a":1})"),
            "inc|'inc' at 'a': the value there is no number");
}

// Each path looked at all members, and each that was taken out moved all behind it: seconds for 256
// paths of 8 MiB.
TEST_F(PointUpdateTest, APathCostsTheSameInAnyObjectAndArray) {
  if (test::kSanitized) GTEST_SKIP() << "the sanitizer's own would count";
  const auto cost = [](std::size_t count) {
    Encoder encoder;
    std::string packed;
    std::string list = "[0";
    for (std::size_t i = 1; i < count; ++i) list += ",0";
    EXPECT_TRUE(
        encoder.encode("{\"o\":" + many(count, 1, false) + ",\"l\":" + list + "]}", packed));
    Tree tree(read_value(packed));
    Tree::open(tree.root());
    Node& object = *tree.root().children->find("o");
    Node& array = *tree.root().children->find("l");
    Tree::open(object);
    Tree::open(array);
    std::vector<std::string> keys;
    for (std::size_t i = 1; i <= 20; ++i) keys.push_back("k" + std::to_string(count - i));
    // The first ones are searched one by one, and make the table.
    for (const std::string& key : keys) EXPECT_NE(object.children->find(key), nullptr);
    return test::count_instructions([&] {
      for (const std::string& key : keys) object.children->remove_member(key);
      for (std::size_t i = 0; i < keys.size(); ++i) array.children->remove_element(1);
    });
  };
  const auto few = cost(100);
  const auto more = cost(800);
  if (!few || !more) GTEST_SKIP() << "no tracing here";
  EXPECT_LT(*more, *few * 2) << *few;
}

TEST_F(PointUpdateTest, AddsExactlyWithin64Bits) {
  EXPECT_EQ(after(R"({"n":1,"d":1.5,"big":9223372036854775807})",
                  R"("inc":{"n":-3,"d":1,"m.k":4,"big":1})"),
            R"({"n":-2,"d":2.5,"big":9223372036854775808,"m":{"k":4}})");
  EXPECT_EQ(after(R"({"u":18446744073709551615})", R"("inc":{"u":-9223372036854775808})"),
            R"({"u":9223372036854775807})");
  EXPECT_EQ(refusal(R"({"u":18446744073709551615})", R"("inc":{"u":1})"),
            "inc|'inc' at 'u': the sum is beyond 64 bits");
  EXPECT_EQ(refusal(R"({"u":1e308})", R"("inc":{"u":1e308})"),
            "inc|'inc' at 'u': the sum is beyond the range of a double");
  EXPECT_EQ(refusal(R"({"u":1e400})", R"("inc":{"u":1})"),
            "inc|'inc' at 'u': a number too long for 64 bits cannot be added to");
  EXPECT_EQ(refusal(R"({"s":"1"})", R"("inc":{"s":1})"),
            "inc|'inc' at 's': the value there is no number");
  EXPECT_EQ(refusal("{}", R"("inc":{"s":"1"})"), "inc|'inc' at 's': must be a number");
}

TEST_F(PointUpdateTest, Pushes) {
  EXPECT_EQ(after(R"({"l":[1]})", R"("push":{"l":[2],"m.n":3})"), R"({"l":[1,[2]],"m":{"n":[3]}})");
  EXPECT_EQ(refusal(R"({"l":1})", R"("push":{"l":2})"),
            "push|'push' at 'l': the value there is no array");
}

TEST_F(PointUpdateTest, IsAllOrNothingAndInOrder) {
  EXPECT_EQ(
      after(R"({"a":1})", R"("set":{"a":10,"b":0},"unset":["b"],"inc":{"a":1},"push":{"b":"x"})"),
      R"({"a":11,"b":["x"]})");
  EXPECT_EQ(refusal(R"({"a":1,"s":"x"})", R"("set":{"a":2,"s.t":1})"),
            "set|'set' at 's.t': there is no object, and no such element, on the way");
  EXPECT_EQ(refusal(R"({"l":[]})", R"("set":{"l.1":1})"),
            "set|'set' at 'l.1': there is no object, and no such element, on the way");
  EXPECT_EQ(refusal("{}", R"("set":{})"), "set|nothing to do: give set, unset, inc or push");
  EXPECT_EQ(refusal("{}", R"("unset":["a..b"])"),
            "unset|'unset' at 'a..b': is no path: 1 to 512 bytes, no empty segment");
}

TEST_F(PointUpdateTest, KeepsDocumentsReadable) {
  std::string path = "a";
  for (int i = 1; i < 128; ++i) path += ".a";
  EXPECT_EQ(documents.put("a", "{}").status, STATOR_OK);
  EXPECT_EQ(update("\"set\":{\"" + path + "\":1}").status, STATOR_OK);
  EXPECT_EQ(documents.get("a").status, STATOR_OK);
  EXPECT_NE(refusal("{}", "\"set\":{\"" + path + "\":[]}").find("nested deeper than 128"),
            std::string::npos);
  EXPECT_NE(refusal("{}", "\"set\":{\"" + path + ".a\":1}").find("nested deeper than 128"),
            std::string::npos);
  const std::string half(5 * 1024 * 1024, 'x');
  documents.put("a", "{\"x\":\"" + half + "\"}");
  EXPECT_EQ(update("\"set\":{\"y\":\"" + half + "\"}").status, STATOR_E_REJECTED_PREVALIDATION);
}

TEST_F(PointUpdateTest, AsksForTheDocumentAndItsLsn) {
  EXPECT_EQ(update(R"("set":{"a":1})").status, STATOR_E_NOT_FOUND);
  documents.put("a", "{}");
  EXPECT_EQ(update(R"("set":{"a":1},"if_lsn":7)").status, STATOR_E_CONFLICT_RETRY);
  EXPECT_EQ(update(R"("inc":{"a":1},"if_lsn":1,"fields":["a"])").payload,
            R"({"lsn":2,"data":{"a":1}})");
}

TEST_F(PointUpdateTest, UpsertMergesAsRfc7396Says) {
  EXPECT_EQ(upsert(R"({"a":1,"n":null,"o":{"x":null,"y":2}})").payload,
            R"({"existed":false,"lsn":1})");
  EXPECT_EQ(documents.get("a").payload, R"({"a":1,"o":{"y":2}})");
  EXPECT_EQ(upsert(R"({"a":null,"o":{"y":{"z":1}},"l":[null]})").payload,
            R"({"existed":true,"lsn":2})");
  EXPECT_EQ(documents.get("a").payload, R"({"o":{"y":{"z":1}},"l":[null]})");
  EXPECT_EQ(upsert(R"({"o":3})").status, STATOR_OK);
  EXPECT_EQ(documents.get("a").payload, R"({"o":3,"l":[null]})");
}

TEST_F(PointUpdateTest, UpsertMergesManyMembers) {
  documents.put("a", many(1000, 1, false));
  // Five are new.
  EXPECT_EQ(upsert(many(1005, 2, true)).status, STATOR_OK);
  std::string expected = "{";
  for (std::size_t i = 0; i < 1005; ++i) {
    if (i % 3 == 0) continue;
    expected.append(expected.size() == 1 ? "\"k" : ",\"k").append(std::to_string(i) + "\":2");
  }
  EXPECT_EQ(documents.get("a").payload, expected + "}");
}

// A patch as large as its document took the product of both: a minute for 8 MiB.
TEST_F(PointUpdateTest, TheCostOfAnUpsertGrowsAsItsSize) {
  if (test::kSanitized) GTEST_SKIP() << "the sanitizer's own would count";
  const auto cost = [](std::size_t members) {
    Encoder encoder;
    std::string document;
    std::string patch;
    EXPECT_TRUE(encoder.encode(many(members, 1, false), document));
    EXPECT_TRUE(encoder.encode(many(members, 2, true), patch));
    return test::count_instructions([&] {
      std::string out;
      merge_patch(read_value(document), read_value(patch), out);
    });
  };
  const auto few = cost(64);
  const auto twice = cost(128);
  if (!few || !twice) GTEST_SKIP() << "no tracing here";
  EXPECT_LT(*twice, *few * 7 / 3) << *few;
}

TEST_F(PointUpdateTest, KeepsIndexesInStep) {
  documents.create_index("v");
  documents.put("a", R"({"v":1})");
  update(R"("set":{"v":2})");
  upsert(R"({"w":1})");
  EXPECT_EQ(documents.entries().size(), 1u);
  update(R"("unset":["v"])");
  EXPECT_TRUE(documents.entries().empty());
}

}  // namespace
}  // namespace stator::document
