// TTL indexes: a document that is over is not there for anybody from its millisecond on, and is
// removed with its entries and claims by background work; against a model, on one lane and on
// several.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "document_fixture.h"
#include "unit/sdk/filter_model.h"

namespace stator::document {
namespace {

using filter::Json;
using testkit::Answer;

class TtlTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Answer call(std::string_view op, const Json& args) {
    return documents_.kernel.call(op, args.dump());
  }
  void create(const Json& args) {
    const Answer answer = call("index_create", args);
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  }
  void put(const std::string& id, const Json& data) {
    const Answer answer = documents_.put(id, data.dump());
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  }
  std::uint64_t now() const { return documents_.kernel.time_ms(); }
  bool is_there(const std::string& id) { return documents_.get(id).status == STATOR_OK; }
  std::size_t stored() const {
    std::size_t count = 0;
    for (const auto& [key, value] : documents_.kernel.dump()) {
      count += key.find(" space=1 ") != std::string::npos ? 1U : 0U;
    }
    return count;
  }
  Documents documents_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, TtlTest, testing::Values(1u, 2u, 3u));

TEST_P(TtlTest, IsOverInItsMillisecondAndNotBefore) {
  create({{"path", "at"}, {"kind", "ttl"}});
  put("a", {{"at", now() + 3}});  // written one later
  EXPECT_TRUE(is_there("a"));
  EXPECT_TRUE(is_there("a"));
  EXPECT_FALSE(is_there("a"));
  EXPECT_EQ(stored(), 1u) << "no work was done yet";
  EXPECT_GE(documents_.kernel.run_work(), 1u);
  EXPECT_EQ(stored(), 0u);
  EXPECT_TRUE(documents_.entries().empty());
}

// A sweep has a cursor on each, of the 16 that a call has. Many that are dropped at once do not
// take them away.
TEST_P(TtlTest, AsManyAsASweepHasCursorsForAreKept) {
  const auto index = [](int i) {
    return Json{
        {"path", "at" + std::to_string(i)}, {"kind", "ttl"}, {"name", "t" + std::to_string(i)}};
  };
  for (int i = 0; i < 8; ++i) create(index(i));
  const Answer more = call("index_create", index(8));
  EXPECT_EQ(more.status, STATOR_E_RESOURCES_EXHAUSTED);
  EXPECT_EQ(more.field, "kind");
  for (int i = 0; i < 20; ++i)
    create({{"path", "p" + std::to_string(i)}, {"name", "p" + std::to_string(i)}});
  for (int i = 0; i < 8; ++i) put("d" + std::to_string(i), {{"at" + std::to_string(i), now() + 1}});
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(call("index_drop", {{"name", "p" + std::to_string(i)}}).status, STATOR_OK);
  documents_.kernel.run_work();
  EXPECT_EQ(stored(), 0u);
  ASSERT_EQ(call("index_drop", {{"name", "t3"}}).status, STATOR_OK);
  documents_.kernel.run_work();
  create(index(8));
}

TEST_P(TtlTest, OnlyANumberEndsADocument) {
  create({{"path", "at"}, {"kind", "ttl"}});
  put("text", {{"at", "1"}});
  put("none", Json::object());
  put("null", {{"at", nullptr}});
  put("list", {{"at", {1}}});
  put("far", {{"at", 1e300}});
  put("below", {{"at", -5}});
  put("real", {{"at", 1.5}});
  ASSERT_EQ(documents_.put("long", R"({"at":1.000000000000000000000000000000001})").status,
            STATOR_OK);
  documents_.kernel.advance(1'000'000'000'000);
  documents_.kernel.run_work();
  for (const char* id : {"text", "none", "null", "list", "far"}) EXPECT_TRUE(is_there(id)) << id;
  for (const char* id : {"below", "real", "long"}) EXPECT_FALSE(is_there(id)) << id;
  EXPECT_EQ(stored(), 5u);
}

TEST_P(TtlTest, GoesLaterByWhatTheIndexSaysAndByItsFilter) {
  create({{"path", "seen"}, {"kind", "ttl"}, {"expire_after_ms", 1000}, {"where", {{"t", true}}}});
  put("a", {{"seen", now()}, {"t", true}});
  put("b", {{"seen", now()}, {"t", false}});
  documents_.kernel.advance(900);
  EXPECT_TRUE(is_there("a"));
  documents_.kernel.run_work();
  EXPECT_EQ(stored(), 2u);
  documents_.kernel.advance(200);
  EXPECT_FALSE(is_there("a"));
  EXPECT_TRUE(is_there("b"));
  documents_.kernel.run_work();
  EXPECT_EQ(stored(), 1u);
  EXPECT_EQ(member(elements(member(call("index_list", Json::object()).payload, "indexes"))[0],
                   "expire_after_ms"),
            "1000");
}

TEST_P(TtlTest, DocumentsThatWereThereBeforeItGoToo) {
  for (int i = 0; i < 300; ++i) put("d" + std::to_string(i), {{"at", now() - 1}});
  put("stays", {{"at", now() + 1'000'000}});
  create({{"path", "at"}, {"kind", "ttl"}});
  EXPECT_FALSE(is_there("d7"));
  documents_.kernel.set_slice(1);
  documents_.kernel.run_work();
  EXPECT_EQ(stored(), 1u);
  documents_.kernel.restart();
  documents_.kernel.advance(1'000'001);
  documents_.kernel.run_work();
  EXPECT_EQ(stored(), 0u) << "a restart forgets no alarm";
}

TEST_P(TtlTest, AWriteOnWhatIsOverFindsNothing) {
  create({{"path", "at"}, {"kind", "ttl"}});
  create({{"path", "u"}, {"kind", "unique"}});
  const auto put_over = [&](const std::string& id) { put(id, {{"at", 1}, {"u", id}}); };
  put_over("a");
  EXPECT_EQ(call("point_update", {{"document_id", "a"}, {"set", {{"x", 1}}}}).status,
            STATOR_E_NOT_FOUND);
  EXPECT_EQ(member(documents_.erase("a").payload, "existed"), "false");
  EXPECT_EQ(documents_.put("a", R"({"n":1})", R"("if_lsn":0,"if_absent":true)").status, STATOR_OK);
  EXPECT_EQ(documents_.get("a").payload, R"({"n":1})");
  put_over("b");
  EXPECT_EQ(member(call("document_upsert", {{"document_id", "b"}, {"data", {{"n", 2}}}}).payload,
                   "existed"),
            "false");
  EXPECT_EQ(documents_.get("b").payload, R"({"n":2})");
  put_over("c");
  const Json rows = {{{"document_id", "c"}, {"data", {{"n", 3}}}}};
  EXPECT_EQ(call("document_batch_insert", {{"documents", rows}}).status, STATOR_OK);
  EXPECT_EQ(documents_.get("c").payload, R"({"n":3})");
  put_over("d");
  EXPECT_EQ(member(call("document_truncate", Json::object()).payload, "affected"), "3");
  documents_.kernel.run_work();
  EXPECT_EQ(stored(), 0u);
  for (const auto& [key, value] : documents_.kernel.dump()) {
    EXPECT_EQ(key.find(" space=5 "), std::string::npos) << "a claim was left: " << key;
  }
}

// What other documents the model holds physically is what a rebuild would index.
class TtlModel {
 public:
  TtlModel(std::uint32_t lanes, std::uint64_t seed)
      : lanes_(lanes), documents_(lanes), random_(seed) {
    create_indexes(documents_);
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      one_step();
      if (step % 97 == 96) documents_.kernel.restart();
      if (step % 201 == 200) replay();
      if (step % 50 == 49) work();
    }
    work();
    compare_with_rebuild();
  }

 private:
  struct Stored {
    Json data;
    std::optional<std::uint64_t> over_at;
  };
  static void create_indexes(Documents& documents) {
    for (const char* args :
         {R"({"path":"at","kind":"ttl"})", R"({"path":"u","kind":"unique"})", R"({"path":"n"})",
          R"({"path":"seen","kind":"ttl","expire_after_ms":40,"name":"seen"})"}) {
      ASSERT_EQ(documents.kernel.call("index_create", args).status, STATOR_OK);
    }
  }
  std::uint64_t now() const { return documents_.kernel.time_ms(); }
  bool is_over(const Stored& stored) const { return stored.over_at && *stored.over_at <= now(); }
  Answer call(std::string_view op, const Json& args) {
    return documents_.kernel.call(op, args.dump());
  }
  std::string id() { return "d" + std::to_string(random_.below(20)); }
  Stored* visible(const std::string& name) {
    const auto found = model_.find(name);
    return found == model_.end() || is_over(found->second) ? nullptr : &found->second;
  }

  static Stored stored_of(const Json& data) {
    Stored stored{data, std::nullopt};
    const auto note = [&](const char* path, std::uint64_t later) {
      if (!data.contains(path) || !data[path].is_number()) return;
      const std::uint64_t at = data[path].get<std::uint64_t>() + later;
      if (!stored.over_at || at < *stored.over_at) stored.over_at = at;
    };
    note("at", 0);
    note("seen", 40);
    return stored;
  }
  Json random_data() {
    Json data = {{"n", random_.below(5)}};
    if (random_.below(3) != 0) data["at"] = now() + random_.below(120) - 20;
    if (random_.below(5) == 0) data["seen"] = now() + random_.below(60) - 30;
    if (random_.below(3) == 0) data["u"] = random_.below(15);
    if (random_.below(9) == 0) data["at"] = "later";
    return data;
  }
  // One that is over holds its value until it is removed.
  bool is_taken(const std::string& name, const Json& data) const {
    if (!data.contains("u")) return false;
    for (const auto& [other, stored] : model_) {
      if (other != name && stored.data.contains("u") && stored.data["u"] == data["u"]) return true;
    }
    return false;
  }
  void written(const std::string& name, const Json& data, const Answer& answer) {
    if (is_taken(name, data)) {
      ASSERT_EQ(answer.status, STATOR_E_UNIQUE_VIOLATION) << data;
      return;
    }
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
    model_[name] = stored_of(data);
  }

  void one_step() {
    const std::string name = id();
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const Json data = random_data();
        const bool existed = visible(name) != nullptr;
        const Answer answer = call("point_put", {{"document_id", name}, {"data", data}});
        if (answer.status == STATOR_OK) {
          ASSERT_EQ(member(answer.payload, "existed"), existed ? "true" : "false") << name;
        }
        return written(name, data, answer);
      }
      case 4: {
        Stored* old = visible(name);
        const std::uint64_t at = now() + random_.below(100);
        const Answer answer = call("point_update", {{"document_id", name}, {"set", {{"at", at}}}});
        ASSERT_EQ(answer.status, old == nullptr ? STATOR_E_NOT_FOUND : STATOR_OK);
        if (old == nullptr) return;
        Json data = old->data;
        data["at"] = at;
        model_[name] = stored_of(data);
        return;
      }
      case 5: {
        const bool existed = visible(name) != nullptr;
        const Answer answer = call("point_delete", {{"document_id", name}});
        ASSERT_EQ(member(answer.payload, "existed"), existed ? "true" : "false") << name;
        if (existed) model_.erase(name);
        return;
      }
      case 6:
        return documents_.kernel.advance(random_.below(30));
      case 7:
        if (random_.below(3) == 0) work();
        return;
      default:
        return read(name);
    }
  }

  std::vector<std::string> visible_ids(const char* path) {
    std::vector<std::string> ids;
    for (const auto& [name, stored] : model_) {
      if (!is_over(stored) && (path == nullptr || stored.data.contains(path))) ids.push_back(name);
    }
    return ids;
  }
  void read(const std::string& name) {
    switch (random_.below(6)) {
      case 0: {
        const Stored* found = visible(name);
        const Answer answer = documents_.get(name);
        ASSERT_EQ(answer.status, found == nullptr ? STATOR_E_NOT_FOUND : STATOR_OK) << name;
        if (found != nullptr) {
          ASSERT_EQ(Json::parse(answer.payload), found->data);
        }
        return;
      }
      case 1: {
        const auto expected = visible_ids(nullptr);
        ASSERT_EQ(ids_of(call("document_scan", Json::object())), expected);
        return;
      }
      case 2: {
        const auto expected = visible_ids("at");
        auto found = ids_of(call("range_scan", {{"field", "at"}}));
        std::sort(found.begin(), found.end());
        ASSERT_EQ(found, expected);
        return;
      }
      case 3: {
        const auto expected = visible_ids("n");
        ASSERT_EQ(call("document_count", {{"filter", {{"n", {{"gte", 0}}}}}}).payload,
                  "{\"count\":" + std::to_string(expected.size()) + "}");
        return;
      }
      case 4: {
        const Stored* found = visible(name);
        const Json expected = Json::array({found == nullptr ? Json() : found->data});
        const Answer answer = call("point_multi_get", {{"document_ids", {name}}});
        ASSERT_EQ(Json::parse(answer.payload)["documents"], expected);
        return;
      }
      default: {
        std::vector<std::string> expected;
        for (const std::string& one : visible_ids("n")) {
          if (model_[one].data["n"] == 3) expected.push_back(one);
        }
        ASSERT_EQ(ids_of(call("index_lookup", {{"name", "n"}, {"value", 3}})), expected);
        return;
      }
    }
  }

  void work() {
    documents_.kernel.set_slice(random_.below(3));
    documents_.kernel.run_work();
    std::erase_if(model_, [&](const auto& one) { return is_over(one.second); });
    std::size_t stored = 0;
    for (const auto& [key, value] : documents_.kernel.dump()) {
      stored += key.find(" space=1 ") != std::string::npos ? 1U : 0U;
    }
    ASSERT_EQ(stored, model_.size());
  }
  void replay() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    ASSERT_EQ(documents_.kernel.dump(), before);
  }
  void compare_with_rebuild() {
    Documents fresh(lanes_);
    for (const auto& [name, stored] : model_) {
      ASSERT_EQ(fresh.put(name, stored.data.dump()).status, STATOR_OK);
    }
    create_indexes(fresh);
    ASSERT_EQ(fresh.entries(), documents_.entries());
  }

  std::uint32_t lanes_;
  Documents documents_;
  filter::RandomJson random_;
  std::map<std::string, Stored> model_;  // what is stored, over or not
};

TEST_P(TtlTest, AgreesWithTheModel) {
  for (std::uint64_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TtlModel(GetParam(), seed).run(1200);
  }
}

}  // namespace
}  // namespace stator::document
