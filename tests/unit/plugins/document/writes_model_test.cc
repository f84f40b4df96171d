// Random writes of every kind, and filtered reads, against documents kept as JSON trees: across
// restarts and replays, on one lane and on several.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "document_fixture.h"
#include "unit/sdk/filter_model.h"

namespace stator::document {
namespace {

using filter::Json;
using testkit::Answer;

class WritesModel {
 public:
  WritesModel(std::uint32_t lanes, std::uint64_t seed)
      : lanes_(lanes), documents_(lanes), random_(seed) {}

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      one_step();
      if (step == steps / 4) create_indexes(documents_);
      if (step % 150 == 149) drop_and_create();
      if (step % 89 == 88) documents_.kernel.restart();
      if (step % 211 == 210) replay();
    }
    compare_with_rebuild();
  }

 private:
  void one_step() {
    switch (random_.below(20)) {
      case 0:
      case 1:
      case 2:
        return put();
      case 3:
        return batch();
      case 4:
      case 5:
        return upsert();
      case 6:
      case 7:
      case 8:
        return update();
      case 9:
        return erase();
      case 10:
        return update_many();
      case 11:
        return random_.below(3) == 0 ? delete_many() : multi_get();
      case 12:
        return random_.below(30) == 0 ? truncate() : multi_get();
      case 13:
        return look_up();
      case 14:
        return sorted_pages();
      case 15:
        return aggregate();
      default:
        return scan();
    }
  }
  static Json one(const std::string& name, Json value) {
    Json object = Json::object();
    object[name] = std::move(value);
    return object;
  }
  std::string id() { return "d" + std::to_string(random_.below(12)); }
  Answer call(std::string_view op, const Json& args) {
    return documents_.kernel.call(op, args.dump());
  }

  void put() {
    const std::string name = id();
    const Json data = random_.document();
    ASSERT_EQ(call("point_put", {{"document_id", name}, {"data", data}}).status, STATOR_OK);
    model_[name] = data;
  }
  void batch() {
    Json rows = Json::array();
    for (std::size_t i = 1 + random_.below(5); i > 0; --i) {
      const std::string name = id();
      model_[name] = random_.document();
      rows.push_back({{"document_id", name}, {"data", model_[name]}});
    }
    ASSERT_EQ(
        call("document_batch_insert", {{"documents", rows}, {"on_conflict", "replace"}}).status,
        STATOR_OK);
  }
  void upsert() {
    const std::string name = id();
    const Json patch = random_.document();
    ASSERT_EQ(call("document_upsert", {{"document_id", name}, {"data", patch}}).status, STATOR_OK);
    auto& target = model_.try_emplace(name, Json::object()).first->second;
    target.merge_patch(patch);
  }
  void erase() {
    const std::string name = id();
    ASSERT_EQ(call("point_delete", {{"document_id", name}}).status, STATOR_OK);
    model_.erase(name);
  }

  // ---- updates --------------------------------------------------------------------------------
  Json random_changes() {
    Json changes = Json::object();
    do {
      if (random_.below(2) == 0) changes["set"][random_.path()] = random_.value(1);
      if (random_.below(4) == 0) changes["unset"] = {random_.path(), random_.path()};
      if (random_.below(3) == 0)
        changes["inc"][random_.path()] = static_cast<int>(random_.below(5)) - 2;
      if (random_.below(3) == 0) changes["push"][random_.path()] = random_.scalar();
    } while (changes.empty());
    return changes;
  }
  static Json* step(Json& parent, const std::string& segment, bool makes, bool& is_new) {
    is_new = false;
    if (parent.is_object()) {
      if (!parent.contains(segment)) {
        if (!makes) return nullptr;
        is_new = true;
        parent[segment] = Json::object();
      }
      return &parent[segment];
    }
    if (!parent.is_array() || segment != "0") return nullptr;
    if (parent.empty()) {
      if (!makes) return nullptr;
      is_new = true;
      parent.push_back(Json::object());
    }
    return &parent[0];
  }
  static std::pair<std::string, std::string> split_last(const std::string& path) {
    const std::size_t dot = path.rfind('.');
    if (dot == std::string::npos) return {"", path};
    return {path.substr(0, dot), path.substr(dot + 1)};
  }
  static Json* walk(Json& root, const std::string& path, bool makes, bool& is_new) {
    if (path.empty()) return &root;
    const auto [before, last] = split_last(path);
    Json* parent = walk(root, before, makes, is_new);
    return parent == nullptr ? nullptr : step(*parent, last, makes, is_new);
  }
  static bool put_value(Json& root, const std::string& kind, const std::string& path,
                        const Json& value) {
    bool is_new = false;
    Json* at = walk(root, path, true, is_new);
    if (at == nullptr) return false;
    if (kind == "set") {
      *at = value;
    } else if (kind == "inc") {
      if (!is_new && !at->is_number()) return false;
      if (is_new) {
        *at = value;
      } else if (at->is_number_float()) {
        *at = at->get<double>() + value.get<double>();
      } else {
        *at = at->get<std::int64_t>() + value.get<std::int64_t>();
      }
    } else {
      if (is_new) *at = Json::array();
      if (!at->is_array()) return false;
      at->push_back(value);
    }
    return true;
  }
  static void unset(Json& root, const std::string& path) {
    const auto [before, last] = split_last(path);
    bool is_new = false;
    Json* parent = walk(root, before, false, is_new);
    if (parent == nullptr) return;
    if (parent->is_object()) {
      parent->erase(last);
    } else if (parent->is_array() && last == "0" && !parent->empty()) {
      parent->erase(parent->begin());
    }
  }
  // False where the change does not fit; `document` is then as it was.
  static bool apply(const Json& changes, Json& document) {
    Json copy = document;
    const auto put_all = [&](const char* kind) {
      if (!changes.contains(kind)) return true;
      for (const auto& [path, value] : changes[kind].items()) {
        if (!put_value(copy, kind, path, value)) return false;
      }
      return true;
    };
    if (!put_all("set")) return false;
    if (changes.contains("unset")) {
      for (const Json& path : changes["unset"]) unset(copy, path);
    }
    if (!put_all("inc") || !put_all("push")) return false;
    document = std::move(copy);
    return true;
  }

  void update() {
    const std::string name = id();
    Json args = random_changes();
    const Json changes = args;
    args["document_id"] = name;
    const Answer answer = call("point_update", args);
    const auto found = model_.find(name);
    if (found == model_.end()) {
      ASSERT_EQ(answer.status, STATOR_E_NOT_FOUND);
    } else if (apply(changes, found->second)) {
      ASSERT_EQ(answer.status, STATOR_OK) << args << answer.detail;
      expect_document(name);
    } else {
      ASSERT_EQ(answer.status, STATOR_E_REJECTED_PREVALIDATION) << args << " on " << found->second;
      expect_document(name);
    }
  }

  // ---- many -----------------------------------------------------------------------------------
  bool selects(const Json& filter, const Json& document) const {
    return filter::model_object(filter, &document, false);
  }
  void update_many() {
    // Set at the top can be done to any document, so no lane refuses.
    Json args = {{"filter", random_.filter(2, false)},
                 {"set", {{std::string(1, "xyz"[random_.below(3)]), random_.value(1)}}}};
    std::size_t expected = 0;
    for (auto& [name, document] : model_) {
      if (!selects(args["filter"], document)) continue;
      const Json before = document;
      apply(args, document);
      if (before != document) ++expected;
    }
    const Answer answer = call("document_update_many", args);
    ASSERT_EQ(answer.status, STATOR_OK) << args << answer.detail;
    // 1 and 1.0 are equal, yet not the same bytes.
    ASSERT_GE(std::stoul(member(answer.payload, "affected")), expected) << args;
    ASSERT_EQ(member(answer.payload, "more"), "false");
  }
  void delete_many() {
    const Json filter = random_.filter(2, false);
    const auto expected =
        std::erase_if(model_, [&](const auto& entry) { return selects(filter, entry.second); });
    const Answer answer = call("document_delete_many", {{"filter", filter}});
    ASSERT_EQ(answer.payload, "{\"affected\":" + std::to_string(expected) + ",\"more\":false}")
        << filter;
  }
  void truncate() {
    const Answer answer = documents_.kernel.call("document_truncate", "{}");
    ASSERT_EQ(member(answer.payload, "affected"), std::to_string(model_.size()));
    model_.clear();
  }

  // ---- reads ----------------------------------------------------------------------------------
  void expect_document(const std::string& name) {
    const Answer answer = documents_.get(name);
    ASSERT_EQ(answer.status, STATOR_OK);
    ASSERT_EQ(Json::parse(answer.payload), model_[name]);
  }
  void multi_get() {
    Json ids = Json::array();
    Json expected = Json::array();
    for (std::size_t i = 1 + random_.below(6); i > 0; --i) {
      ids.push_back(id());
      const auto found = model_.find(ids.back());
      expected.push_back(found == model_.end() ? Json() : found->second);
    }
    const Answer answer = call("point_multi_get", {{"document_ids", ids}});
    ASSERT_EQ(Json::parse(answer.payload)["documents"], expected);
  }
  // Often one that an index can serve.
  Json random_filter() {
    Json filter = random_.filter(3, false);
    switch (random_.below(6)) {
      case 0:
        filter["y"] = random_.scalar();
        filter["x"] = random_.filter(0, true);
        break;
      case 1:
        filter["x"] = one("ilike", "a%");
        break;
      case 2:
        filter["z"] = one("contains", random_.scalar());
        filter["y"] = one("exists", true);
        break;
      case 3:
        filter["z"] = one("any", one("eq", random_.scalar()));
        break;
      default:
        break;
    }
    return filter;
  }
  void scan() {
    const Json filter = random_filter();
    Json expected = Json::array();
    for (const auto& [name, document] : model_) {
      if (selects(filter, document))
        expected.push_back({{"document_id", name}, {"data", document}});
    }
    const Answer answer = call("document_scan", {{"filter", filter}});
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
    ASSERT_EQ(Json::parse(answer.payload)["rows"], expected) << filter;
  }

  // ---- sorted pages -----------------------------------------------------------------------------
  using SortKeys = std::vector<std::pair<std::string, bool>>;  // path, descending
  static int compare_json(const Json* a, const Json* b) {
    if (a == nullptr || b == nullptr)
      return static_cast<int>(a != nullptr) - static_cast<int>(b != nullptr);
    if (const int order = filter::class_of(*a) - filter::class_of(*b); order != 0) return order;
    if (a->is_structured()) return compare_structured(*a, *b);
    return *a < *b ? -1 : (*b < *a ? 1 : 0);
  }
  static int compare_structured(const Json& a, const Json& b) {
    auto left = a.begin();
    auto right = b.begin();
    for (; left != a.end() && right != b.end(); ++left, ++right) {
      if (a.is_object()) {
        if (const int order = left.key().compare(right.key()); order != 0) return order;
      }
      if (const int order = compare_json(&*left, &*right); order != 0) return order;
    }
    return static_cast<int>(left != a.end()) - static_cast<int>(right != b.end());
  }
  static bool is_before(const SortKeys& keys, const Json& a, const Json& b) {
    bool is_descending = false;
    for (const auto& [path, descending] : keys) {
      is_descending = descending;
      const int order =
          compare_json(filter::at_path(a["data"], path), filter::at_path(b["data"], path));
      if (order != 0) return descending ? order > 0 : order < 0;
    }
    return is_descending ? b["document_id"] < a["document_id"]
                         : a["document_id"] < b["document_id"];
  }
  void sorted_pages() {
    Json filter = random_.below(2) == 0 ? Json::object() : random_filter();
    SortKeys keys;
    Json sort = Json::array();
    for (std::size_t i = random_.below(4); i > 0; --i) {
      keys.emplace_back(random_.path(), random_.below(2) == 0);
      sort.push_back(one(keys.back().first, keys.back().second ? "desc" : "asc"));
    }
    // An order that an index gives.
    if (keys.size() == 1 && random_.below(2) == 0) filter[keys[0].first] = one("exists", true);
    Json args = {{"filter", filter}, {"limit", 1 + random_.below(4)}};
    if (!keys.empty()) args["sort"] = sort;
    std::vector<Json> expected;
    for (const auto& [name, document] : model_) {
      if (selects(filter, document))
        expected.push_back({{"document_id", name}, {"data", document}});
    }
    std::sort(expected.begin(), expected.end(),
              [&](const Json& a, const Json& b) { return is_before(keys, a, b); });
    std::vector<Json> seen;
    while (true) {
      const Answer answer = call("document_scan", args);
      ASSERT_EQ(answer.status, STATOR_OK) << args << answer.detail;
      const Json page = Json::parse(answer.payload);
      for (const Json& row : page["rows"]) seen.push_back(row);
      if (!page.contains("cursor")) break;
      ASSERT_EQ(page["rows"].size(), args["limit"]);
      args["cursor"] = page["cursor"];
      if (random_.below(10) == 0) documents_.kernel.restart();
      ASSERT_LE(seen.size(), expected.size()) << args;
    }
    ASSERT_EQ(seen, expected) << args;
  }

  // ---- aggregates -------------------------------------------------------------------------------
  void aggregate() {
    const Json filter = random_filter();
    std::map<std::string, std::vector<const Json*>> groups;  // by the text of y, or "-" without
    std::size_t count = 0;
    for (const auto& [name, document] : model_) {
      if (!selects(filter, document)) continue;
      ++count;
      const auto y = document.find("y");
      if (y != document.end() && !y->is_string() && !y->is_boolean()) continue;
      groups[y == document.end() ? "-" : y->dump()].push_back(&document);
    }
    ASSERT_EQ(call("document_count", {{"filter", filter}}).payload,
              "{\"count\":" + std::to_string(count) + "}");
    Json kinds = Json::array();
    kinds.push_back(one("y", one("exists", false)));
    kinds.push_back(one("y", one("gte", false)));
    kinds.push_back(one("y", one("gte", "")));
    Json both = Json::array();
    both.push_back(filter);
    both.push_back(one("or", kinds));
    Json aggs = Json::object();
    aggs["n"] = one("count", "*");
    aggs["sum"] = one("sum", "x");
    aggs["max"] = one("max", "x");
    aggs["kinds"] = one("count_distinct", "x");
    Json args = one("filter", one("and", both));
    args["group_by"] = Json::array({"y"});
    args["aggs"] = aggs;
    const Answer answer = call("document_aggregate", args);
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
    const Json given = Json::parse(answer.payload)["groups"];
    ASSERT_EQ(given.size(), groups.size());
    for (const Json& group : given) {
      const std::string key = group["key"].contains("y") ? group["key"]["y"].dump() : "-";
      ASSERT_EQ(group["values"], model_values(groups[key])) << filter;
    }
  }
  static Json model_values(const std::vector<const Json*>& documents) {
    double sum = 0;
    const Json* largest = nullptr;
    std::vector<const Json*> different;
    for (const Json* document : documents) {
      const auto x = document->find("x");
      if (x == document->end()) continue;
      if (x->is_number()) sum += x->get<double>();
      if (x->is_null()) continue;
      if (largest == nullptr || compare_json(&*x, largest) > 0) largest = &*x;
      const auto is_it = [&](const Json* known) { return compare_json(known, &*x) == 0; };
      if (std::none_of(different.begin(), different.end(), is_it)) different.push_back(&*x);
    }
    return {{"n", documents.size()},
            {"sum", sum},
            {"max", largest == nullptr ? Json() : *largest},
            {"kinds", different.size()}};
  }

  void look_up() {
    const Json wanted = random_.scalar();
    const bool is_array = random_.below(2) == 0;
    Json expected = Json::array();
    for (const auto& [name, document] : model_) {
      const auto found = document.find(is_array ? "z" : "x");
      if (found == document.end()) continue;
      const bool holds = is_array ? found->is_array() && filter::model_list(*found, &wanted)
                                  : is_same_text(*found, wanted);
      if (holds) expected.push_back({{"document_id", name}, {"data", document}});
    }
    const Answer answer =
        call("index_lookup", {{"name", is_array ? "z" : "x_nocase"}, {"value", wanted}});
    if (answer.status == STATOR_E_NOT_FOUND) return;  // not made yet
    ASSERT_EQ(Json::parse(answer.payload)["rows"], expected) << wanted << is_array;
  }
  static bool is_same_text(const Json& a, const Json& b) {
    if (!a.is_string() || !b.is_string()) return a == b;
    return filter::lower(a.get<std::string>()) == filter::lower(b.get<std::string>());
  }

  static void create_index(Documents& documents, const char* args) {
    const Answer answer = documents.kernel.call("index_create", args);
    ASSERT_EQ(answer.status, STATOR_OK) << args << answer.detail;
  }
  static constexpr const char* kIndexes[] = {
      R"({"path":"x"})",
      R"({"path":"y.x"})",
      R"({"paths":["y","x"],"name":"yx"})",
      R"({"paths":["z.0","y","x","z"],"name":"four"})",
      R"({"path":"z","kind":"array"})",
      R"({"path":"x","collation":"nocase","name":"x_nocase"})",
      R"({"path":"z","name":"z_partial","where":{"y":{"exists":true}}})"};
  static void create_indexes(Documents& documents) {
    for (const char* args : kIndexes) create_index(documents, args);
  }
  void drop_and_create() {
    const Json args = Json::parse(kIndexes[random_.below(std::size(kIndexes))]);
    const Json name = args.contains("name") ? args["name"] : args["path"];
    const Answer answer = call("index_drop", {{"name", name}});
    ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
    if (member(answer.payload, "existed") == "true") create_index(documents_, args.dump().c_str());
  }
  void replay() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    ASSERT_EQ(documents_.kernel.dump(), before);
  }
  // Entries hold decimals, so the model's texts of the same numbers give the same entries.
  void compare_with_rebuild() {
    Documents rebuilt(lanes_);
    for (const auto& [name, document] : model_) rebuilt.put(name, document.dump());
    create_indexes(rebuilt);
    ASSERT_EQ(documents_.entries(), rebuilt.entries());
  }

  std::uint32_t lanes_;
  Documents documents_;
  filter::RandomJson random_;
  std::map<std::string, Json> model_;
};

class WritesModelTest : public testing::TestWithParam<std::tuple<std::uint32_t, std::uint64_t>> {};
INSTANTIATE_TEST_SUITE_P(LanesAndSeeds, WritesModelTest,
                         testing::Combine(testing::Values(1u, 2u, 3u),
                                          testing::Values(21u, 22u, 23u)));

TEST_P(WritesModelTest, AnswersAsTreesDo) {
  const auto [lanes, seed] = GetParam();
  WritesModel(lanes, seed).run(1000);
}

}  // namespace
}  // namespace stator::document
