// Row policies: whoever is bound by one is answered as if the documents that it hides were not
// there, by every op that reads, on every way to find documents; and writes none that it must not
// write.
#include <string>
#include <vector>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testkit::Answer;

constexpr const char* kAnnas = R"({"owner":"anna"})";
constexpr const char* kHidden = "Zm9yYmlkZGVu";  // in every hidden document, and in no visible one

std::string text_of(const Answer& answer) {
  return std::to_string(answer.status) + " " + answer.field + " " + answer.detail + " " +
         answer.payload;
}

struct Asked {
  const char* op;
  const char* args;
};

// Every op that reads and asks for rows; scans by id, along indexes, sorted, by page and grouped.
const Asked kReads[] = {
    {"point_get", R"({"document_id":"d3"})"},
    {"point_get", R"({"document_id":"d4"})"},
    {"point_get", R"({"document_id":"d3","fields":["secret"]})"},
    {"point_multi_get", R"({"document_ids":["d0","d1","d2","d3","none","d1"]})"},
    {"document_scan", R"({"limit":1000})"},
    {"document_scan", R"({"limit":7})"},
    {"document_scan", R"({"limit":7,"after":"d2"})"},
    {"document_scan", R"({"limit":7,"filter":{"v":{"gte":3}}})"},
    {"document_scan", R"({"limit":50,"filter":{"v":{"in":[3,4,5]}}})"},
    {"document_scan", R"({"limit":7,"filter":{"v":{"gte":3}},"sort":[{"v":"desc"}]})"},
    {"document_scan", R"({"limit":7,"sort":[{"n":"asc"},{"v":"desc"}]})"},
    {"document_scan", R"({"distinct":true,"fields":["secret"]})"},
    {"document_scan", R"({"explain":true})"},
    {"document_scan", R"({"explain":true,"filter":{"v":{"gte":3}}})"},
    {"document_scan", R"({"filter":{"secret":"Zm9yYmlkZGVu"}})"},
    {"document_count", "{}"},
    {"document_count", R"({"filter":{"v":{"lt":5}}})"},
    {"document_aggregate",
     R"({"aggs":{"n":{"count":"*"},"m":{"max":"secret"},"s":{"sum":"n"}},"group_by":["v"]})"},
    {"document_aggregate", R"({"aggs":{"n":{"count_distinct":"secret"}}})"},
    {"range_scan", R"({"field":"v","include_data":true,"limit":1000})"},
    {"range_scan", R"({"field":"v","order":"desc","limit":7,"lower":2})"},
    {"range_scan", R"({"field":"long","include_data":true,"limit":1000})"},
    {"range_scan", R"({"field":"secret","include_data":true,"limit":1000})"},
    {"range_scan", R"({"field":"n","include_data":true,"limit":5})"},
};

class RowPolicyTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  // 40 documents; those with an even number are anna's, the others hidden from her.
  static bool is_hidden(int i) { return i % 2 == 1; }
  static std::string document(int i) {
    const std::string secret = is_hidden(i) ? kHidden : "open";
    return R"({"owner":")" + std::string(is_hidden(i) ? "bert" : "anna") + R"(","v":)" +
           std::to_string(i % 10) + R"(,"n":)" + std::to_string(i) + R"(,"secret":")" + secret +
           R"(","long":")" + std::string(600, 'x') + (is_hidden(i) ? "a" : "b") + "\"}";
  }
  static void fill(Documents& documents, bool with_hidden) {
    for (int i = 0; i < 40; ++i) {
      if (with_hidden || !is_hidden(i)) documents.put("d" + std::to_string(i), document(i));
    }
  }
  std::string call(std::string_view op, std::string_view args) {
    return text_of(all_.kernel.call(op, args));
  }
  // As nobody is bound.
  std::string stored(const std::string& id) {
    all_.kernel.unbind_rows();
    const std::string answer = all_.get(id).payload;
    all_.kernel.bind_rows(kAnnas, kAnnas);
    return answer;
  }
  void bind() { all_.kernel.bind_rows(kAnnas, kAnnas); }

  Documents all_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, RowPolicyTest, testing::Values(1u, 3u));

TEST_P(RowPolicyTest, ReadsAnswerAsIfHiddenDocumentsWereNotThere) {
  Documents visible{GetParam()};
  fill(all_, true);
  fill(visible, false);
  for (const bool has_indexes : {false, true}) {
    all_.kernel.unbind_rows();
    if (has_indexes) {
      for (Documents* documents : {&all_, &visible}) {
        for (const char* path : {"v", "long", "secret"}) documents->create_index(path);
      }
    }
    std::size_t differ = 0;
    for (const Asked& asked : kReads) {
      if (call(asked.op, asked.args) != text_of(visible.kernel.call(asked.op, asked.args)))
        ++differ;
    }
    EXPECT_GT(differ, std::size(kReads) - 3)
        << "unbound, so this test would see what is not hidden";
    bind();
    for (const Asked& asked : kReads) {
      const std::string answer = call(asked.op, asked.args);
      EXPECT_EQ(answer, text_of(visible.kernel.call(asked.op, asked.args)))
          << asked.op << asked.args << has_indexes;
      EXPECT_EQ(answer.find(kHidden), std::string::npos) << asked.op << asked.args << has_indexes;
    }
  }
}

// It was refused to whoever is bound.
TEST_P(RowPolicyTest, LookupsShowWhatIsVisible) {
  fill(all_, true);
  all_.create_index("v");
  all_.create_index("long");
  bind();
  const auto look_up = [&](const std::string& args) {
    return all_.kernel.call("index_lookup", "{" + args + "}");
  };
  EXPECT_EQ(ids_of(look_up(R"("name":"v","value":4)")),
            (std::vector<std::string>{"d14", "d24", "d34", "d4"}));
  EXPECT_TRUE(ids_of(look_up(R"("name":"v","value":3)")).empty());
  EXPECT_TRUE(
      ids_of(look_up(R"("name":"long","value":")" + std::string(600, 'x') + "a\"")).empty());
}

TEST_P(RowPolicyTest, PagesHoldEachVisibleDocumentOnce) {
  fill(all_, true);
  bind();
  std::vector<std::string> ids;
  std::string more;
  do {
    const Answer page =
        all_.kernel.call("document_scan", R"({"limit":3,"sort":[{"v":"asc"}])" + more + "}");
    for (const std::string& id : ids_of(page)) ids.push_back(id);
    const std::string cursor = member(page.payload, "cursor");
    more = cursor.empty() ? "" : ",\"cursor\":" + cursor;
  } while (!more.empty());
  EXPECT_EQ(ids.size(), 20u);
}

TEST_P(RowPolicyTest, AHiddenDocumentIsToUpdatesAndRemovalsAsOneThatIsNotThere) {
  fill(all_, true);
  bind();
  for (const char* rest : {"", R"(,"if_lsn":2)", R"(,"if_lsn":0)"}) {
    const auto args = [&](const char* id, const char* more) {
      return std::string(R"({"document_id":")") + id + "\"" + more + rest + "}";
    };
    EXPECT_EQ(call("point_delete", args("d1", "")), call("point_delete", args("nn", "")));
    EXPECT_EQ(call("point_update", args("d1", R"(,"set":{"x":1},"fields":["secret"])")),
              call("point_update", args("nn", R"(,"set":{"x":1},"fields":["secret"])")));
  }
  EXPECT_EQ(stored("d1"), document(1));
}

TEST_P(RowPolicyTest, AHiddenDocumentIsNotReplacedAndItsContentNotTold) {
  all_.kernel.call(
      "document_validate",
      R"({"mode":"set","schema":{"properties":{"secret":{"type":"string"},"n":{"type":"number"}}}})");
  fill(all_, true);
  bind();
  const std::string data = R"("data":{"owner":"anna","n":"x"})";
  const std::string refused = call("point_put", R"({"document_id":"d1","data":{"owner":"anna"}})");
  EXPECT_EQ(refused.substr(0, 5), std::to_string(STATOR_E_REJECTED_AUTHZ) + " ");
  for (const char* rest : {"", R"(,"if_absent":true)", R"(,"if_lsn":2)", R"(,"if_lsn":99)"}) {
    EXPECT_EQ(call("point_put", R"({"document_id":"d1",)" + data + rest + "}"), refused) << rest;
  }
  EXPECT_EQ(call("document_upsert", R"({"document_id":"d1",)" + data + "}"), refused);
  EXPECT_EQ(call("document_upsert", R"({"document_id":"d1","data":{"owner":"anna"},"if_lsn":99})"),
            refused);
  for (const char* on_conflict : {"error", "replace", "skip"}) {
    EXPECT_EQ(call("document_batch_insert", R"({"documents":[{"document_id":"d1",)" + data +
                                                R"(}],"on_conflict":")" + on_conflict + "\"}"),
              refused);
  }
  EXPECT_EQ(stored("d1"), document(1));
}

TEST_P(RowPolicyTest, NobodyWritesWhatIsNotItsOwnAfterwards) {
  fill(all_, true);
  bind();
  const std::string code = std::to_string(STATOR_E_REJECTED_AUTHZ) + " ";
  const Asked writes[] = {
      {"point_put", R"({"document_id":"new","data":{"owner":"bert"}})"},
      {"point_put", R"({"document_id":"d2","data":{"owner":"bert"}})"},
      {"point_put", R"({"document_id":"new","data":{}})"},
      {"document_upsert", R"({"document_id":"d2","data":{"owner":null}})"},
      {"document_upsert", R"({"document_id":"new","data":{"owner":"bert"}})"},
      {"point_update", R"({"document_id":"d2","set":{"owner":"bert"}})"},
      {"document_batch_insert", R"({"documents":[{"document_id":"new","data":{"owner":"bert"}}]})"},
      {"document_update_many", R"({"filter":{},"set":{"owner":"bert"}})"},
      {"document_update_many", R"({"filter":{},"unset":["owner"],"dry_run":true})"},
  };
  const auto before = all_.kernel.dump();
  for (const Asked& asked : writes) {
    EXPECT_EQ(call(asked.op, asked.args).substr(0, code.size()), code) << asked.op << asked.args;
  }
  EXPECT_EQ(all_.kernel.dump(), before);
}

TEST_P(RowPolicyTest, ItsOwnDocumentsAreWrittenAsEver) {
  fill(all_, true);
  bind();
  EXPECT_EQ(all_.put("new", R"({"owner":"anna"})").status, STATOR_OK);
  EXPECT_EQ(all_.put("d2", R"({"owner":"anna","w":1})").status, STATOR_OK);
  EXPECT_EQ(all_.kernel.call("document_upsert", R"({"document_id":"d2","data":{"x":1}})").status,
            STATOR_OK);
  EXPECT_EQ(all_.kernel.call("point_update", R"({"document_id":"d2","inc":{"x":1}})").status,
            STATOR_OK);
  EXPECT_EQ(all_.get("d2").payload, R"({"owner":"anna","w":1,"x":2})");
  EXPECT_EQ(member(all_.erase("d2").payload, "existed"), "true");
}

TEST_P(RowPolicyTest, ChangesOfManyTouchWhatIsVisibleOnly) {
  fill(all_, true);
  bind();
  EXPECT_EQ(
      member(all_.kernel.call("document_update_many", R"({"filter":{},"set":{"w":1}})").payload,
             "affected"),
      "20");
  EXPECT_EQ(stored("d1"), document(1));
  EXPECT_EQ(
      member(all_.kernel.call("document_delete_many", R"({"filter":{}})").payload, "affected"),
      "20");
  all_.kernel.unbind_rows();
  EXPECT_EQ(ids_of(all_.kernel.call("document_scan", R"({"limit":100})")).size(), 20u);
}

// Seen by everybody, written by its owner: nobody takes over what it can only see.
TEST_P(RowPolicyTest, WhatIsVisibleAndNotWritableStaysAsItIs) {
  fill(all_, true);
  all_.kernel.bind_rows("{}", kAnnas);
  EXPECT_EQ(all_.get("d1").payload, document(1));
  const auto before = all_.kernel.dump();
  EXPECT_EQ(all_.put("d1", R"({"owner":"anna"})").status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(all_.erase("d1").status, STATOR_E_REJECTED_AUTHZ);
  for (const char* op : {"point_update", "document_upsert"}) {
    const std::string change = std::string(op) == "point_update" ? R"("set":{"owner":"anna"})"
                                                                 : R"("data":{"owner":"anna"})";
    EXPECT_EQ(all_.kernel.call(op, R"({"document_id":"d1",)" + change + "}").status,
              STATOR_E_REJECTED_AUTHZ)
        << op;
  }
  EXPECT_EQ(member(all_.kernel
                       .call("document_update_many",
                             R"({"filter":{"owner":"bert"},"set":{"owner":"anna"}})")
                       .payload,
                   "affected"),
            "0");
  EXPECT_EQ(
      member(all_.kernel.call("document_delete_many", R"({"filter":{"owner":"bert"}})").payload,
             "affected"),
      "0");
  EXPECT_EQ(all_.kernel.dump(), before);
}

TEST_P(RowPolicyTest, OpsThatDoNotAskForRowsAreRefused) {
  fill(all_, true);
  all_.create_index("v");
  bind();
  const Asked asked[] = {{"index_create", R"({"path":"n"})"},
                         {"index_drop", R"({"name":"v"})"},
                         {"index_list", "{}"},
                         {"document_truncate", "{}"},
                         {"document_validate", "{}"}};
  for (const Asked& one : asked) {
    EXPECT_EQ(all_.kernel.call(one.op, one.args).status, STATOR_E_REJECTED_AUTHZ) << one.op;
  }
}

}  // namespace
}  // namespace stator::document
