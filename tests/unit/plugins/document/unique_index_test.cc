// Unique indexes: every way to write keeps them, claims are those of a rebuild, and random writes
// agree with a model, on one lane and on several.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "document_fixture.h"
#include "unit/sdk/filter_model.h"

namespace stator::document {
namespace {

using filter::Json;
using testkit::Answer;

// What is claimed: key text -> document id, without the vShards' numbers.
std::map<std::string, std::string> claims_of(const Documents& documents) {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : documents.kernel.dump()) {
    if (key.find(" space=5 ") != std::string::npos) found.emplace(key, value);
  }
  return found;
}

class UniqueIndexTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Answer call(std::string_view op, const Json& args) {
    return documents_.kernel.call(op, args.dump());
  }
  void create(const Json& args) {
    Json full = args;
    full["kind"] = "unique";
    const Answer answer = call("index_create", full);
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  }
  void expect_taken(const Answer& answer, std::string_view field = "u") {
    EXPECT_EQ(answer.status, STATOR_E_UNIQUE_VIOLATION) << answer.detail << answer.payload;
    EXPECT_EQ(answer.field, field);
  }
  stator_status put(const std::string& id, const Json& data) {
    return documents_.put(id, data.dump()).status;
  }
  void expect_replay_gives_the_same() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    EXPECT_EQ(documents_.kernel.dump(), before);
  }
  Documents documents_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, UniqueIndexTest, testing::Values(1u, 2u, 5u));

TEST_P(UniqueIndexTest, AnotherDocumentIsRefusedByEveryWayToWrite) {
  create({{"path", "u"}});
  ASSERT_EQ(put("a", {{"u", "x"}}), STATOR_OK);
  ASSERT_EQ(put("b", {{"u", "y"}}), STATOR_OK);
  const Answer refused = documents_.put("c", R"({"u":"x"})");
  expect_taken(refused);
  EXPECT_EQ(refused.detail, "another document has this value in the unique index 'u'");
  expect_taken(call("point_update", {{"document_id", "b"}, {"set", {{"u", "x"}}}}));
  expect_taken(call("document_upsert", {{"document_id", "d"}, {"data", {{"u", "x"}}}}));
  const Json rows = {{{"document_id", "e"}, {"data", {{"u", "new"}}}},
                     {{"document_id", "f"}, {"data", {{"u", "y"}}}}};
  expect_taken(call("document_batch_insert", {{"documents", rows}}));
  expect_taken(call("document_update_many", {{"filter", Json::object()}, {"set", {{"u", "z"}}}}));
  for (const char* id : {"c", "d", "e", "f"}) {
    EXPECT_EQ(documents_.get(id).status, STATOR_E_NOT_FOUND) << id;
  }
  EXPECT_EQ(documents_.get("b").payload, R"({"u":"y"})");
  expect_replay_gives_the_same();
}

TEST_P(UniqueIndexTest, ADocumentMayBeWrittenAgainWithItsOwnValue) {
  create({{"path", "u"}});
  ASSERT_EQ(put("a", {{"u", 1}}), STATOR_OK);
  EXPECT_EQ(put("a", {{"u", 1.0}, {"more", true}}), STATOR_OK);
  EXPECT_EQ(put("b", {{"u", 1.0}}), STATOR_E_UNIQUE_VIOLATION) << "1 and 1.0 are the same number";
  EXPECT_EQ(claims_of(documents_).size(), 1u);
}

TEST_P(UniqueIndexTest, WhatIsGivenUpIsFree) {
  create({{"path", "u"}});
  ASSERT_EQ(put("a", {{"u", 1}}), STATOR_OK);
  ASSERT_EQ(put("a", {{"u", 2}}), STATOR_OK);
  ASSERT_EQ(put("b", {{"u", 1}}), STATOR_OK);
  ASSERT_EQ(documents_.erase("b").status, STATOR_OK);
  ASSERT_EQ(put("c", {{"u", 1}}), STATOR_OK);
  ASSERT_EQ(call("point_update", {{"document_id", "c"}, {"unset", {"u"}}}).status, STATOR_OK);
  ASSERT_EQ(put("d", {{"u", 1}}), STATOR_OK);
  ASSERT_EQ(call("document_delete_many", {{"filter", {{"u", 1}}}}).status, STATOR_OK);
  ASSERT_EQ(put("e", {{"u", 1}}), STATOR_OK);
  ASSERT_EQ(documents_.kernel.call("document_truncate", "{}").status, STATOR_OK);
  EXPECT_TRUE(claims_of(documents_).empty());
  EXPECT_EQ(put("f", {{"u", 1}}), STATOR_OK);
  expect_replay_gives_the_same();
}

TEST_P(UniqueIndexTest, NullIsAValueAndMissingIsNone) {
  create({{"path", "u"}});
  EXPECT_EQ(put("a", {{"u", nullptr}}), STATOR_OK);
  EXPECT_EQ(put("b", {{"u", nullptr}}), STATOR_E_UNIQUE_VIOLATION);
  EXPECT_EQ(put("c", {{"v", 1}}), STATOR_OK);
  EXPECT_EQ(put("d", {{"v", 1}}), STATOR_OK);
}

TEST_P(UniqueIndexTest, CompoundPartialAndNoCaseCompareAsTheirIndexesDo) {
  create({{"paths", {"a", "b"}}});
  create({{"path", "mail"}, {"collation", "nocase"}, {"where", {{"active", true}}}, {"name", "m"}});
  EXPECT_EQ(put("1", {{"a", 1}, {"b", 1}}), STATOR_OK);
  EXPECT_EQ(put("2", {{"a", 1}, {"b", 2}}), STATOR_OK);
  EXPECT_EQ(put("3", {{"a", 1}, {"b", 1}}), STATOR_E_UNIQUE_VIOLATION);
  EXPECT_EQ(put("3", {{"a", 1}}), STATOR_OK) << "one path is missing";
  EXPECT_EQ(put("4", {{"a", 1}}), STATOR_OK);
  EXPECT_EQ(put("5", {{"mail", "Ada@x"}, {"active", true}}), STATOR_OK);
  EXPECT_EQ(put("6", {{"mail", "ada@X"}, {"active", true}}), STATOR_E_UNIQUE_VIOLATION);
  EXPECT_EQ(put("6", {{"mail", "ada@X"}, {"active", false}}), STATOR_OK);
  const Json activate = {{"document_id", "6"}, {"set", {{"active", true}}}};
  expect_taken(call("point_update", activate), "mail");
  ASSERT_EQ(call("point_update", {{"document_id", "5"}, {"set", {{"active", 0}}}}).status,
            STATOR_OK);
  EXPECT_EQ(call("point_update", activate).status, STATOR_OK);
}

TEST_P(UniqueIndexTest, LongValuesAreToldApartOrRefused) {
  create({{"path", "u"}});
  const std::string base(300, 'x');
  EXPECT_EQ(put("a", {{"u", base + "1"}}), STATOR_OK);
  EXPECT_EQ(put("b", {{"u", base + "2"}}), STATOR_OK)
      << "the other index's entries are cut, not claims";
  EXPECT_EQ(put("c", {{"u", base + "1"}}), STATOR_E_UNIQUE_VIOLATION);
  const Answer too_long = documents_.put("d", Json{{"u", std::string(400, 'x')}}.dump());
  EXPECT_EQ(too_long.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(too_long.field, "u");
  EXPECT_EQ(put("d", {{"u", Json::array({1})}}), STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(put("d", {{"u", Json::object()}}), STATOR_E_REJECTED_CONSTRAINT);
  const Json four = {{"paths", {"p", "q", "r", "s"}}, {"name", std::string(64, 'n')}};
  create(four);
  EXPECT_EQ(put("e", {{"p", base}, {"q", base}, {"r", 1}, {"s", 2}}), STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(put("e", {{"p", "a"}, {"q", std::string(276, 'q')}, {"r", 1}, {"s", 2}}),
            STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(put("e", {{"p", "a"}, {"q", "b"}, {"r", 1}, {"s", 2}}), STATOR_OK);
}

TEST_P(UniqueIndexTest, AnIndexOverDuplicatesFailsAndNamesThem) {
  for (int i = 0; i < 20; ++i) put("d" + std::to_string(i), {{"u", i == 17 ? 3 : i}});
  const Answer refused = call("index_create", {{"path", "u"}, {"kind", "unique"}});
  expect_taken(refused);
  EXPECT_NE(refused.detail.find("d3"), std::string::npos) << refused.detail;
  EXPECT_NE(refused.detail.find("d17"), std::string::npos) << refused.detail;
  EXPECT_EQ(put("again", {{"u", 3}}), STATOR_OK) << "one that failed refuses nothing";
  ASSERT_EQ(call("index_drop", {{"name", "u"}}).payload, R"({"existed":true})");
  EXPECT_EQ(documents_.kernel.call("index_list", "{}").payload, R"({"indexes":[]})");
  EXPECT_TRUE(claims_of(documents_).empty());
  ASSERT_EQ(put("long", {{"v", std::string(400, 'x')}}), STATOR_OK);
  const Answer too_long = call("index_create", {{"path", "v"}, {"kind", "unique"}});
  EXPECT_EQ(too_long.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_NE(too_long.detail.find(": long"), std::string::npos) << too_long.detail;
}

TEST_P(UniqueIndexTest, AnIndexOverDocumentsClaimsThemAndADroppedOneNothing) {
  for (int i = 0; i < 20; ++i) put("d" + std::to_string(i), {{"u", i}});
  create({{"path", "u"}});
  EXPECT_EQ(claims_of(documents_).size(), 20u);
  EXPECT_EQ(put("other", {{"u", 7}}), STATOR_E_UNIQUE_VIOLATION);
  expect_replay_gives_the_same();
  EXPECT_EQ(call("index_create", {{"path", "u"}, {"kind", "unique"}}).payload,
            R"({"name":"u","created":false,"state":"ready"})");
  EXPECT_EQ(call("index_create", {{"path", "u"}}).status, STATOR_E_DUPLICATE_WRITE);
  ASSERT_EQ(call("index_drop", {{"name", "u"}}).payload, R"({"existed":true})");
  EXPECT_TRUE(claims_of(documents_).empty());
  EXPECT_EQ(put("other", {{"u", 7}}), STATOR_OK);
  expect_replay_gives_the_same();
}

TEST_P(UniqueIndexTest, ValuesMayChangeHandsWithinOneRequest) {
  create({{"path", "u"}});
  for (int i = 0; i < 10; ++i) put("d" + std::to_string(i), {{"u", i}});
  const Answer moved =
      call("document_update_many", {{"filter", Json::object()}, {"inc", {{"u", 1}}}});
  ASSERT_EQ(moved.status, STATOR_OK) << moved.detail << " on whatever lanes they lie";
  EXPECT_EQ(documents_.get("d9").payload, R"({"u":10})");
  EXPECT_EQ(put("new", {{"u", 0}}), STATOR_OK);
  EXPECT_EQ(put("new", {{"u", 10}}), STATOR_E_UNIQUE_VIOLATION);
  const Json swap = {{{"document_id", "d1"}, {"data", {{"u", 3}}}},
                     {{"document_id", "d2"}, {"data", {{"u", 2}}}}};
  ASSERT_EQ(call("document_batch_insert", {{"documents", swap}, {"on_conflict", "replace"}}).status,
            STATOR_OK);
  EXPECT_EQ(documents_.get("d1").payload, R"({"u":3})");
  expect_replay_gives_the_same();
}

TEST_P(UniqueIndexTest, OfRowsWithOneIdTheLastSaysWhatIsTaken) {
  create({{"path", "u"}});
  ASSERT_EQ(put("a", {{"u", 1}}), STATOR_OK);
  ASSERT_EQ(put("b", {{"u", 2}}), STATOR_OK);
  const Json rows = {{{"document_id", "a"}, {"data", {{"u", 2}}}},
                     {{"document_id", "a"}, {"data", {{"u", 3}}}}};
  ASSERT_EQ(call("document_batch_insert", {{"documents", rows}, {"on_conflict", "replace"}}).status,
            STATOR_OK);
  EXPECT_EQ(claims_of(documents_).size(), 2u);
  EXPECT_EQ(put("c", {{"u", 1}}), STATOR_OK);
  EXPECT_EQ(put("d", {{"u", 2}}), STATOR_E_UNIQUE_VIOLATION);
  EXPECT_EQ(put("d", {{"u", 3}}), STATOR_E_UNIQUE_VIOLATION);
  expect_replay_gives_the_same();
}

TEST_P(UniqueIndexTest, AnswersQueriesAsATypedOne) {
  create({{"path", "u"}});
  for (int i = 0; i < 30; ++i) put("d" + std::to_string(i), {{"u", (i * 7) % 30}});
  const Answer found = call("document_scan", {{"filter", {{"u", 14}}}, {"explain", true}});
  EXPECT_NE(found.payload.find("\"index\":\"u\""), std::string::npos) << found.payload;
  EXPECT_EQ(ids_of(call("index_lookup", {{"name", "u"}, {"value", 14}})),
            std::vector<std::string>{"d2"});
  const Answer range = call("range_scan", {{"field", "u"}, {"lower", 3}, {"upper", 5}});
  EXPECT_EQ(rows_of(range).size(), 2u);
  EXPECT_EQ(range.payload.find("\"indexed\":false"), std::string::npos);
}

// Random writes against documents as trees: the model says which are refused.
class UniqueModel {
 public:
  UniqueModel(std::uint32_t lanes, std::uint64_t seed) : documents_(lanes), random_(seed) {}

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      one_step();
      if (step % 60 == 20) create_or_drop();
      if (step % 89 == 88) documents_.kernel.restart();
      if (step % 97 == 96) replay();
      if (step % 50 == 49) compare_with_rebuild();
    }
  }

 private:
  using Model = std::map<std::string, Json>;
  static Json indexes() {
    return {{{"path", "u"}, {"kind", "unique"}},
            {{"paths", {"v", "u"}}, {"kind", "unique"}, {"name", "vu"}},
            {{"path", "v"},
             {"kind", "unique"},
             {"collation", "nocase"},
             {"name", "vn"},
             {"where", {{"w", true}}}}};
  }
  // What the document claims in each index that is made; by text.
  std::vector<std::string> claims(const Json& document) const {
    const auto lower = [](Json value) {
      return value.is_string() ? Json(filter::lower(value.get<std::string>())) : value;
    };
    std::vector<std::string> out;
    if (made_.count("u") != 0 && document.contains("u")) out.push_back("u" + document["u"].dump());
    if (made_.count("vu") != 0 && document.contains("u") && document.contains("v")) {
      out.push_back("vu" + document["v"].dump() + "," + document["u"].dump());
    }
    if (made_.count("vn") != 0 && document.contains("v") && document.value("w", false)) {
      out.push_back("vn" + lower(document["v"]).dump());
    }
    return out;
  }
  bool is_unique(const Model& model) const {
    std::set<std::string> seen;
    for (const auto& [id, document] : model) {
      for (const std::string& claim : claims(document)) {
        if (!seen.insert(claim).second) return false;
      }
    }
    return true;
  }

  std::string id() { return "d" + std::to_string(random_.below(25)); }
  Json value() {
    const Json values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, nullptr, true, "a", "A", "b", "B"};
    return values[random_.below(std::size(values))];
  }
  Json document() {
    Json made = Json::object();
    for (const char* field : {"u", "v"}) {
      if (random_.below(4) != 0) made[field] = value();
    }
    if (random_.below(2) == 0) made["w"] = random_.below(2) == 0;
    return made;
  }
  // Runs it and wants the outcome that `after` deserves; refused, everything stays.
  void expect(std::string_view op, const Json& args, Model after) {
    const Answer answer = documents_.kernel.call(op, args.dump());
    const bool is_good = is_unique(after);
    ASSERT_EQ(answer.status, is_good ? STATOR_OK : STATOR_E_UNIQUE_VIOLATION)
        << op << args << answer.detail;
    if (is_good) model_ = std::move(after);
    const std::string name = id();
    const Answer read = documents_.get(name);
    ASSERT_EQ(read.status == STATOR_OK, model_.count(name) != 0);
    if (read.status == STATOR_OK) {
      ASSERT_EQ(Json::parse(read.payload), model_[name]);
    }
  }

  void one_step() {
    Model after = model_;
    const std::string name = id();
    switch (random_.below(7)) {
      case 0:
      case 1:
        after[name] = document();
        return expect("point_put", {{"document_id", name}, {"data", after[name]}}, after);
      case 2: {
        const Json patch = document();
        after.try_emplace(name, Json::object()).first->second.merge_patch(patch);
        return expect("document_upsert", {{"document_id", name}, {"data", patch}}, after);
      }
      case 3:
        after.erase(name);
        return expect("point_delete", {{"document_id", name}}, after);
      case 4: {
        Json rows = Json::array();
        for (std::size_t i = 1 + random_.below(4); i > 0; --i) {
          rows.push_back({{"document_id", id()}, {"data", document()}});
          after[rows.back()["document_id"]] = rows.back()["data"];
        }
        return expect("document_batch_insert", {{"documents", rows}, {"on_conflict", "replace"}},
                      after);
      }
      case 5:
        return update_many(after);
      default:
        if (after.count(name) == 0) return;
        after[name]["u"] = value();
        return expect("point_update", {{"document_id", name}, {"set", {{"u", after[name]["u"]}}}},
                      after);
    }
  }
  void update_many(Model after) {
    const Json filter = {{"v", value()}};
    const bool is_delete = random_.below(4) == 0;
    const std::string field = random_.below(2) == 0 ? "u" : "w";
    const Json wanted = field == "w" ? Json(true) : value();
    for (auto at = after.begin(); at != after.end();) {
      const bool selected = at->second.contains("v") && at->second["v"] == filter["v"];
      if (selected && is_delete) {
        at = after.erase(at);
        continue;
      }
      if (selected) at->second[field] = wanted;
      ++at;
    }
    if (is_delete) return expect("document_delete_many", {{"filter", filter}}, after);
    expect("document_update_many", {{"filter", filter}, {"set", {{field, wanted}}}}, after);
  }
  void create_or_drop() {
    for (const Json& index : indexes()) {
      const std::string name = index.value("name", "u");
      if (made_.count(name) != 0) {
        if (random_.below(3) != 0) continue;
        made_.erase(name);
        ASSERT_EQ(documents_.kernel.call("index_drop", Json{{"name", name}}.dump()).status,
                  STATOR_OK);
        continue;
      }
      made_.insert(name);
      const bool is_good = is_unique(model_);
      const Answer answer = documents_.kernel.call("index_create", index.dump());
      ASSERT_EQ(answer.status, is_good ? STATOR_OK : STATOR_E_UNIQUE_VIOLATION) << answer.detail;
      if (is_good) continue;
      made_.erase(name);
      ASSERT_EQ(documents_.kernel.call("index_drop", Json{{"name", name}}.dump()).status,
                STATOR_OK);
    }
  }
  void replay() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    ASSERT_EQ(documents_.kernel.dump(), before);
  }
  void compare_with_rebuild() {
    const auto claims_before = claims_of(documents_);
    const auto entries = documents_.entries();
    for (const Json& index : indexes()) {
      const std::string name = index.value("name", "u");
      if (made_.count(name) == 0) continue;
      ASSERT_EQ(documents_.kernel.call("index_drop", Json{{"name", name}}.dump()).status,
                STATOR_OK);
      ASSERT_EQ(documents_.kernel.call("index_create", index.dump()).status, STATOR_OK);
    }
    ASSERT_EQ(claims_of(documents_), claims_before);
    ASSERT_EQ(documents_.entries(), entries);
  }

  Documents documents_;
  filter::RandomJson random_;
  Model model_;
  std::set<std::string> made_;
};

class UniqueModelTest : public testing::TestWithParam<std::tuple<std::uint32_t, std::uint64_t>> {};
INSTANTIATE_TEST_SUITE_P(LanesAndSeeds, UniqueModelTest,
                         testing::Combine(testing::Values(1u, 2u, 3u),
                                          testing::Values(31u, 32u, 33u, 34u)));

TEST_P(UniqueModelTest, RefusesWhatTheModelRefuses) {
  const auto [lanes, seed] = GetParam();
  UniqueModel(lanes, seed).run(1500);
}

}  // namespace
}  // namespace stator::document
