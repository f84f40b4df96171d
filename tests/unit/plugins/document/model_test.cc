// Random operations against a std::map, across restarts and replays, on one lane and on several.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "document_fixture.h"
#include "number_model.h"

namespace stator::document {
namespace {

using testkit::Answer;

// Indexed, and long enough that few bytes of a value are left in its keys.
const std::string kLongPath(64, 'p');

struct ModelDocument {
  std::uint64_t lsn;
  std::map<std::string, std::string> values;  // field -> JSON text
};

class Model {
 public:
  Model(std::uint32_t lanes, std::uint64_t seed)
      : lanes_(lanes), documents_(lanes), random_(seed) {}

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      switch (random_.below(12)) {
        case 0:
        case 1:
        case 2:
          put();
          break;
        case 3:
          erase();
          break;
        case 4:
          batch();
          break;
        case 5:
          get();
          break;
        case 6:
          scan_page();
          break;
        case 7:
        case 8:
        case 9:
          range("v");
          break;
        case 10:
          range(kLongPath);
          break;
        default:
          range("w");
          break;
      }
      if (step == steps / 4) create_index("v");
      if (step == steps / 3) create_index(kLongPath);
      if (step % 97 == 96) documents_.kernel.restart();
      if (step % 331 == 330) replay();
    }
    compare_with_rebuild();
  }

 private:
  ModelDocument random_document() {
    ModelDocument document{0, {}};
    for (const std::string& field : {std::string("v"), std::string("w"), kLongPath}) {
      if (random_.below(5) != 0) document.values[field] = random_.value();
    }
    return document;
  }
  static std::string data_of(const ModelDocument& document) {
    std::string data = "{";
    for (const auto& [field, value] : document.values) {
      data += (data.size() > 1 ? ",\"" : "\"") + field + "\":" + value;
    }
    return data + "}";
  }
  std::uint64_t lsn_of(const std::string& id) const {
    const auto found = model_.find(id);
    return found == model_.end() ? 0 : found->second.lsn;
  }
  static void expect_document(const std::string& data, const ModelDocument& expected) {
    for (const std::string& field : {std::string("v"), std::string("w"), kLongPath}) {
      const std::string value = member(data, field);
      const auto wanted = expected.values.find(field);
      ASSERT_EQ(value.empty(), wanted == expected.values.end()) << data;
      if (!value.empty()) {
        ASSERT_EQ(model_key(value), model_key(wanted->second)) << data;
      }
    }
  }

  void put() {
    const std::string id = random_.document_id();
    ModelDocument document = random_document();
    const bool if_absent = random_.below(4) == 0;
    std::optional<std::uint64_t> if_lsn;
    if (random_.below(4) == 0) if_lsn = random_.below(2) == 0 ? lsn_of(id) : random_.below(50);
    std::string more = if_absent ? R"("if_absent":true)" : R"("if_absent":false)";
    if (if_lsn) more += ",\"if_lsn\":" + std::to_string(*if_lsn);
    const Answer answer = documents_.put(id, data_of(document), more);
    const bool existed = model_.contains(id);
    if (existed && if_absent) {
      ASSERT_EQ(answer.status, STATOR_E_DUPLICATE_WRITE);
    } else if (if_lsn && *if_lsn != lsn_of(id)) {
      ASSERT_EQ(answer.status, STATOR_E_CONFLICT_RETRY);
    } else {
      document.lsn = documents_.kernel.last_lsn();
      ASSERT_EQ(answer.payload, std::string("{\"existed\":") + (existed ? "true" : "false") +
                                    ",\"lsn\":" + std::to_string(document.lsn) + "}");
      model_[id] = document;
    }
  }

  void erase() {
    const std::string id = random_.document_id();
    const bool existed = model_.erase(id) != 0;
    const Answer answer = documents_.erase(id);
    ASSERT_EQ(member(answer.payload, "existed"), existed ? "true" : "false");
  }

  void batch() {
    const bool replaces = random_.below(2) == 0;
    std::string rows =
        "{\"on_conflict\":\"" + std::string(replaces ? "replace" : "skip") + "\",\"documents\":[";
    std::uint64_t inserted = 0;
    std::uint64_t existing = 0;
    std::vector<std::string> written;
    for (std::size_t i = 1 + random_.below(8); i > 0; --i) {
      const std::string id = random_.document_id();
      const ModelDocument document = random_document();
      rows += "{\"document_id\":" + to_json(id) + ",\"data\":" + data_of(document) + "},";
      const bool exists = model_.contains(id);
      ++(exists ? existing : inserted);
      if (exists && !replaces) continue;
      model_[id] = document;
      written.push_back(id);
    }
    rows.back() = ']';
    const Answer answer = documents_.kernel.call("document_batch_insert", rows + "}");
    ASSERT_EQ(answer.payload, "{\"inserted\":" + std::to_string(inserted) +
                                  ",\"replaced\":" + std::to_string(replaces ? existing : 0) +
                                  ",\"skipped\":" + std::to_string(replaces ? 0 : existing) + "}");
    // The answer has no LSNs, so the next put of each id tells it.
    for (const std::string& id : written) {
      const std::string data = data_of(model_[id]);
      ASSERT_EQ(documents_.put(id, data).status, STATOR_OK);
      model_[id].lsn = documents_.kernel.last_lsn();
    }
  }

  void get() {
    const std::string id = random_.document_id();
    const Answer answer = documents_.get(id);
    const auto found = model_.find(id);
    if (found == model_.end()) {
      ASSERT_EQ(answer.status, STATOR_E_NOT_FOUND);
    } else {
      expect_document(answer.payload, found->second);
    }
  }

  void scan_page() {
    const std::string after = random_.document_id();
    const std::size_t limit = 1 + random_.below(20);
    const auto rows = rows_of(documents_.kernel.call(
        "document_scan",
        "{\"after\":" + to_json(after) + ",\"limit\":" + std::to_string(limit) + "}"));
    auto expected = model_.upper_bound(after);
    for (const Row& row : rows) {
      ASSERT_NE(expected, model_.end());
      ASSERT_EQ(row.document_id, expected->first);
      expect_document(row.data, expected->second);
      ++expected;
    }
    ASSERT_TRUE(rows.size() == limit || expected == model_.end());
  }

  struct Range {
    std::optional<std::string> lower;
    std::optional<std::string> upper;
    bool lower_inclusive;
    bool upper_inclusive;
    bool descending;
    std::size_t limit;
  };
  static int class_of(const ModelKey& key) { return key.first == 2 ? 1 : key.first; }
  static bool contains(const Range& range, const ModelKey& value) {
    if (range.lower) {
      const ModelKey bound = model_key(*range.lower);
      if (class_of(bound) != class_of(value) || value < bound) return false;
      if (value == bound && !range.lower_inclusive) return false;
    }
    if (range.upper) {
      const ModelKey bound = model_key(*range.upper);
      if (class_of(bound) != class_of(value) || bound < value) return false;
      if (value == bound && !range.upper_inclusive) return false;
    }
    return true;
  }
  // A bound is often a value that some document has, so that equality is met.
  std::string random_bound(const std::string& field) {
    if (random_.below(2) == 0 && !model_.empty()) {
      auto at = model_.begin();
      std::advance(at, random_.below(model_.size()));
      const auto value = at->second.values.find(field);
      if (value != at->second.values.end() && value->second.find_first_of("[{") != 0) {
        return value->second;
      }
    }
    return random_.scalar();
  }
  Range random_range(const std::string& field) {
    Range range{{},
                {},
                random_.below(2) == 0,
                random_.below(2) == 0,
                random_.below(2) == 0,
                1 + random_.below(30)};
    if (random_.below(2) == 0) range.lower = random_bound(field);
    if (random_.below(2) == 0) range.upper = random_bound(field);
    return range;
  }
  static std::string request_of(const std::string& field, const Range& range) {
    const auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
    return "{\"field\":\"" + field + "\",\"limit\":" + std::to_string(range.limit) +
           ",\"order\":\"" + (range.descending ? "desc" : "asc") + "\",\"include_data\":true" +
           (range.lower ? ",\"lower\":" + *range.lower : "") +
           (range.upper ? ",\"upper\":" + *range.upper : "") +
           ",\"lower_inclusive\":" + flag(range.lower_inclusive) +
           ",\"upper_inclusive\":" + flag(range.upper_inclusive) + "}";
  }

  void range(const std::string& field) {
    const Range range = random_range(field);
    const std::string request = request_of(field, range);
    const Answer answer = documents_.kernel.call("range_scan", request);
    if (range.lower && range.upper &&
        class_of(model_key(*range.lower)) != class_of(model_key(*range.upper))) {
      ASSERT_EQ(answer.field, "upper");
      return;
    }
    std::vector<std::pair<ModelKey, std::string>> expected;
    for (const auto& [id, document] : model_) {
      const auto value = document.values.find(field);
      if (value == document.values.end()) continue;
      ModelKey key = model_key(value->second);
      if (contains(range, key)) expected.emplace_back(std::move(key), id);
    }
    std::sort(expected.begin(), expected.end());
    if (range.descending) std::reverse(expected.begin(), expected.end());
    if (expected.size() > range.limit) expected.resize(range.limit);

    const auto rows = rows_of(answer);
    ASSERT_EQ(rows.size(), expected.size()) << request;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i].document_id, expected[i].second) << i << " of " << request;
      ASSERT_EQ(model_key(rows[i].value), expected[i].first) << i << " of " << request;
      expect_document(rows[i].data, model_[rows[i].document_id]);
    }
    ASSERT_EQ(member(answer.payload, "indexed"), indexed_.contains(field) ? "true" : "false");
  }

  void create_index(const std::string& path) {
    ASSERT_EQ(documents_.create_index(path).status, STATOR_OK);
    indexed_.insert(path);
  }

  void replay() {
    const auto before = documents_.kernel.dump();
    documents_.kernel.replay();
    ASSERT_EQ(documents_.kernel.dump(), before);
  }

  // The entries that lived through all writes are those of indexes made at the end.
  void compare_with_rebuild() {
    Documents rebuilt(lanes_);
    for (const auto& [id, document] : model_) rebuilt.put(id, data_of(document));
    for (const std::string& path : indexed_) rebuilt.create_index(path);
    ASSERT_EQ(indexed_.size(), 2u);
    ASSERT_FALSE(rebuilt.entries().empty());
    ASSERT_EQ(documents_.entries(), rebuilt.entries());
  }

  std::uint32_t lanes_;
  Documents documents_;
  RandomValues random_;
  std::map<std::string, ModelDocument> model_;
  std::set<std::string> indexed_;
};

class DocumentModelTest : public testing::TestWithParam<std::tuple<std::uint32_t, std::uint64_t>> {
};
INSTANTIATE_TEST_SUITE_P(LanesAndSeeds, DocumentModelTest,
                         testing::Combine(testing::Values(1u, 2u, 3u),
                                          testing::Values(11u, 12u, 13u)));

TEST_P(DocumentModelTest, AnswersAsAMapDoesAcrossRestartsAndReplays) {
  const auto [lanes, seed] = GetParam();
  Model(lanes, seed).run(1500);
}

}  // namespace
}  // namespace stator::document
