// Indexes that are built beside other work: random writes between its turns, restarts and drops;
// when it is done the index is what a new one over the same documents would be. On one lane and on
// several.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "document_fixture.h"
#include "unit/sdk/filter_model.h"

namespace stator::document {
namespace {

using filter::Json;
using testkit::Answer;

class IndexBuildTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Answer call(std::string_view op, const Json& args) {
    return documents_.kernel.call(op, args.dump());
  }
  void put(const std::string& id, const Json& data) {
    const Answer answer = documents_.put(id, data.dump());
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  }
  void put_many(int count) {
    for (int i = 0; i < count; ++i) put("d" + std::to_string(i), {{"n", i % 7}, {"u", i}});
  }
  // Begins one and answers at once.
  void begin(Json args) {
    args["wait"] = false;
    const Answer answer = call("index_create", args);
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
    ASSERT_EQ(member(answer.payload, "state"), R"("building")");
  }
  Json listed(const std::string& name) {
    const Json list = Json::parse(call("index_list", Json::object()).payload);
    for (const Json& index : list["indexes"]) {
      if (index["name"] == name) return index;
    }
    return Json();
  }
  std::string chosen_index(const Json& filter) {
    const Answer answer = call("document_scan", {{"filter", filter}, {"explain", true}});
    return member(answer.payload, "index");
  }
  void expect_replay_gives_the_same() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    EXPECT_EQ(documents_.kernel.dump(), before);
  }
  Documents documents_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, IndexBuildTest, testing::Values(1u, 2u, 3u));

TEST_P(IndexBuildTest, IsUsedWhenItIsReadyAndNotBefore) {
  put_many(500);
  begin({{"path", "n"}});
  EXPECT_EQ(listed("n")["state"], "building");
  EXPECT_EQ(listed("n")["documents_indexed"], 0);
  EXPECT_EQ(chosen_index({{"n", 3}}), "null");
  const auto before = ids_of(call("index_lookup", {{"name", "n"}, {"value", 3}}));
  EXPECT_EQ(before.size(), 71u);
  EXPECT_TRUE(documents_.entries().empty());
  documents_.kernel.run_work();
  EXPECT_EQ(listed("n")["state"], "ready");
  EXPECT_EQ(listed("n").count("documents_indexed"), 0u);
  EXPECT_EQ(chosen_index({{"n", 3}}), R"("n")");
  EXPECT_EQ(ids_of(call("index_lookup", {{"name", "n"}, {"value", 3}})), before);
  EXPECT_EQ(documents_.entries().size(), 500u);
  EXPECT_EQ(member(call("index_create", {{"path", "n"}}).payload, "created"), "false");
  expect_replay_gives_the_same();
}

TEST_P(IndexBuildTest, ADropGivesItUp) {
  put_many(300);
  begin({{"path", "n"}});
  documents_.kernel.set_slice(1);
  EXPECT_EQ(call("index_drop", {{"name", "n"}}).payload, R"({"existed":true})");
  EXPECT_TRUE(documents_.entries().empty());
  EXPECT_EQ(call("index_list", Json::object()).payload, R"({"indexes":[]})");
  EXPECT_EQ(call("index_drop", {{"name", "n"}}).payload, R"({"existed":false})");
  begin({{"path", "n"}, {"kind", "array"}});
  documents_.kernel.run_work();
  EXPECT_EQ(listed("n")["kind"], "array");
  expect_replay_gives_the_same();
}

TEST_P(IndexBuildTest, TwoOfOneValueFailItAndAFailedOneRefusesNothing) {
  put_many(200);
  put("e", {{"u", 7}});
  const Answer refused = call("index_create", {{"path", "u"}, {"kind", "unique"}});
  EXPECT_EQ(refused.status, STATOR_E_UNIQUE_VIOLATION);
  EXPECT_EQ(refused.field, "u");
  EXPECT_NE(refused.detail.find("two documents have the same value: "), std::string::npos)
      << refused.detail;
  EXPECT_EQ(listed("u")["state"], "failed");
  EXPECT_EQ(listed("u")["reason"], refused.detail);
  documents_.kernel.restart();
  EXPECT_EQ(listed("u")["reason"], refused.detail);
  put("f", {{"u", 7}});
  EXPECT_EQ(chosen_index({{"u", 7}}), "null");
  EXPECT_EQ(call("index_create", {{"path", "u"}, {"kind", "unique"}}).status,
            STATOR_E_UNIQUE_VIOLATION);
  EXPECT_EQ(call("index_drop", {{"name", "u"}}).payload, R"({"existed":true})");
  for (const auto& [key, value] : documents_.kernel.dump()) {
    EXPECT_EQ(key.find(" space=5 "), std::string::npos) << "a claim was left: " << key;
  }
  documents_.erase("e");
  documents_.erase("f");
  EXPECT_EQ(call("index_create", {{"path", "u"}, {"kind", "unique"}}).status, STATOR_OK);
  EXPECT_EQ(documents_.put("g", R"({"u":7})").status, STATOR_E_UNIQUE_VIOLATION);
  expect_replay_gives_the_same();
}

TEST_P(IndexBuildTest, AValueThatNoClaimHoldsFailsIt) {
  put_many(100);
  put("list", {{"u", {1, 2}}});
  const Answer refused = call("index_create", {{"path", "u"}, {"kind", "unique"}});
  EXPECT_EQ(refused.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_NE(refused.detail.find("list"), std::string::npos) << refused.detail;
  EXPECT_EQ(listed("u")["state"], "failed");
}

TEST_P(IndexBuildTest, AWriteMayNotTakeWhatIsClaimedAlready) {
  put("a", {{"u", 1}});
  begin({{"path", "u"}, {"kind", "unique"}});
  put("b", {{"u", 2}});
  EXPECT_EQ(documents_.put("c", R"({"u":2})").status, STATOR_E_UNIQUE_VIOLATION);
  documents_.kernel.run_work();
  EXPECT_EQ(listed("u")["state"], "ready");
  EXPECT_EQ(documents_.put("c", R"({"u":1})").status, STATOR_E_UNIQUE_VIOLATION);
}

// Random writes between single steps of builds that come, go and fail.
class BuildModel {
 public:
  BuildModel(std::uint32_t lanes, std::uint64_t seed)
      : lanes_(lanes), documents_(lanes), random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < 200; ++i) put();
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      switch (random_.below(10)) {
        case 0:
          begin();
          break;
        case 1:
          if (random_.below(4) == 0) drop();
          break;
        case 2:
          if (random_.below(4) == 0) documents_.kernel.restart();
          break;
        case 3:
          if (random_.below(12) == 0) replay();
          break;
        case 4:
          erase();
          break;
        case 5:
          work_some();
          break;
        default:
          put();
      }
      if (step % 100 == 99) check();
    }
    check();
  }
  std::size_t failed() const { return failed_; }
  std::size_t ready() const { return ready_; }

 private:
  Answer call(std::string_view op, const Json& args) {
    return documents_.kernel.call(op, args.dump());
  }
  static Json definition(std::size_t number) {
    switch (number) {
      case 0:
        return {{"path", "n"}};
      case 1:
        return {{"path", "tags"}, {"kind", "array"}};
      case 2:
        return {{"paths", {"n", "u"}}, {"where", {{"n", {{"gte", 3}}}}}};
      default:
        return {{"path", "u"}, {"kind", "unique"}};
    }
  }
  static std::string name_of(const Json& args) {
    return args.contains("path") ? args["path"].get<std::string>() : std::string("n,u");
  }
  void put() {
    const std::string name = "d" + std::to_string(random_.below(150));
    Json data = {{"n", random_.below(6)}};
    if (random_.below(2) == 0) data["u"] = random_.below(2000);
    if (random_.below(3) == 0) data["tags"] = {random_.below(3), "t"};
    const Answer answer = call("point_put", {{"document_id", name}, {"data", data}});
    if (answer.status == STATOR_OK) {
      model_[name] = data;
    } else {
      ASSERT_EQ(answer.status, STATOR_E_UNIQUE_VIOLATION) << answer.detail;
      ASSERT_TRUE(has_value(name, data["u"])) << data;
    }
  }
  void erase() {
    const std::string name = "d" + std::to_string(random_.below(150));
    ASSERT_EQ(call("point_delete", {{"document_id", name}}).status, STATOR_OK);
    model_.erase(name);
  }
  bool has_value(const std::string& name, const Json& value) const {
    return std::any_of(model_.begin(), model_.end(), [&](const auto& one) {
      return one.first != name && one.second.contains("u") && one.second["u"] == value;
    });
  }
  bool has_twice() const {
    std::set<Json> values;
    for (const auto& [name, data] : model_) {
      if (data.contains("u") && !values.insert(data["u"]).second) return true;
    }
    return false;
  }
  void begin() {
    Json args = definition(random_.below(4));
    args["wait"] = random_.below(6) == 0;
    const Answer answer = call("index_create", args);
    if (answer.status == STATOR_E_UNIQUE_VIOLATION) return drop(name_of(args));
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  }
  void drop() { drop(name_of(definition(random_.below(4)))); }
  void drop(const std::string& name) {
    ASSERT_EQ(call("index_drop", {{"name", name}}).status, STATOR_OK);
  }
  // One look a turn: a step is a document.
  void work_some() {
    documents_.kernel.set_slice(1 + random_.below(3));
    const std::size_t turns = random_.below(40);
    for (std::size_t i = 0; i < turns && documents_.kernel.run_work_once(); ++i) continue;
  }
  void replay() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    ASSERT_EQ(documents_.kernel.dump(), before);
  }

  // Everything is done; then entries and claims are those of a rebuild.
  void check() {
    documents_.kernel.advance(1000);
    documents_.kernel.run_work();
    std::vector<Json> ready;
    const Json list = Json::parse(call("index_list", Json::object()).payload);
    for (const Json& index : list["indexes"]) {
      ASSERT_TRUE(index["state"] == "ready" || index["state"] == "failed") << index;
      if (index["state"] == "failed") {
        ASSERT_EQ(index["kind"], "unique");
        ++failed_;
        drop("u");
        continue;
      }
      ++ready_;
      if (index["kind"] == "unique") {
        ASSERT_FALSE(has_twice());
      }
      Json args = {{"paths", index["paths"]}, {"kind", index["kind"]}};
      if (index.contains("where")) args["where"] = index["where"];
      ready.push_back(args);
    }
    Documents fresh(lanes_);
    for (const auto& [name, data] : model_) {
      ASSERT_EQ(fresh.put(name, data.dump()).status, STATOR_OK);
    }
    for (const Json& args : ready) {
      ASSERT_EQ(fresh.kernel.call("index_create", args.dump()).status, STATOR_OK);
    }
    ASSERT_EQ(kept(fresh), kept(documents_));
  }
  static std::map<std::string, std::string> kept(const Documents& documents) {
    std::map<std::string, std::string> found;
    for (const auto& [key, value] : documents.kernel.dump()) {
      const bool is_document = key.find(" space=1 ") != std::string::npos;  // its LSN differs
      if (!is_document) found.emplace(key, value);
    }
    return found;
  }

  std::uint32_t lanes_;
  Documents documents_;
  filter::RandomJson random_;
  std::map<std::string, Json> model_;
  std::size_t failed_ = 0;
  std::size_t ready_ = 0;
};

TEST_P(IndexBuildTest, AgreesWithARebuildWhateverIsWrittenMeanwhile) {
  std::size_t failed = 0;
  std::size_t ready = 0;
  for (std::uint64_t seed = 1; seed <= 10 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    BuildModel model(GetParam(), seed);
    model.run(700);
    failed += model.failed();
    ready += model.ready();
  }
  EXPECT_GT(failed, 3u);
  EXPECT_GT(ready, 30u);
}

}  // namespace
}  // namespace stator::document
