// A fake kernel with the document engine in it, and readers of its answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "stator/engine.h"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "fake_kernel.h"

namespace stator::document {

inline std::string to_json(std::string_view text) {
  json::StringOut out;
  json::write_string(out, text);
  return out.take();
}

struct Row {
  std::string document_id;
  std::string value;
  std::string data;
};

// The raw text of a member of an object, or "" if it has none.
inline std::string member(std::string_view object, std::string_view name) {
  json::Reader reader(object);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    if (!reader.skip(raw)) break;
    if (json::equals(key, name)) return std::string(raw);
  }
  return {};
}

inline std::string from_json(std::string_view text) {
  json::Reader reader(text);
  json::RawString raw;
  return reader.string(raw) ? json::unescape(raw) : std::string();
}

inline std::vector<std::string> elements(std::string_view array) {
  std::vector<std::string> out;
  json::Reader reader(array);
  for (reader.enter_array(); reader.next_element();) {
    std::string_view raw;
    if (!reader.skip(raw)) break;
    out.emplace_back(raw);
  }
  return out;
}

inline std::vector<Row> rows_of(const testkit::Answer& answer) {
  EXPECT_EQ(answer.status, STATOR_OK) << answer.field << ": " << answer.detail;
  std::vector<Row> rows;
  for (const std::string& row : elements(member(answer.payload, "rows"))) {
    rows.push_back(
        {from_json(member(row, "document_id")), member(row, "value"), member(row, "data")});
  }
  return rows;
}

inline std::vector<std::string> ids_of(const testkit::Answer& answer) {
  std::vector<std::string> ids;
  for (const Row& row : rows_of(answer)) ids.push_back(row.document_id);
  return ids;
}

class Documents {
 public:
  explicit Documents(std::uint32_t lanes = 1) : kernel(&stator_engine_entry_v1, {.lanes = lanes}) {}

  // `more` continues the request's object: R"("if_lsn":3)".
  testkit::Answer put(std::string_view id, std::string_view data, std::string_view more = {}) {
    return point("point_put", id, ",\"data\":" + std::string(data), more);
  }
  testkit::Answer get(std::string_view id, std::string_view more = {}) {
    return point("point_get", id, {}, more);
  }
  testkit::Answer erase(std::string_view id, std::string_view more = {}) {
    return point("point_delete", id, {}, more);
  }
  testkit::Answer create_index(std::string_view path) {
    return kernel.call("index_create", "{\"path\":" + to_json(path) + "}");
  }
  // The index entries in the store.
  std::map<std::string, std::string> entries() const {
    std::map<std::string, std::string> found;
    for (const auto& [key, value] : kernel.dump()) {
      if (key.find(" space=2 ") != std::string::npos) found.emplace(key, value);
    }
    return found;
  }

  testkit::FakeKernel kernel;

 private:
  testkit::Answer point(std::string_view op, std::string_view id, const std::string& data,
                        std::string_view more) {
    std::string args = "{\"document_id\":" + to_json(id) + data;
    if (!more.empty()) args.append(",").append(more);
    return kernel.call(op, args + "}");
  }
};

}  // namespace stator::document
