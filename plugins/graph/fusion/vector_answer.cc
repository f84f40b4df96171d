#include "fusion/vector_answer.h"

#include <unordered_set>
#include <utility>

#include "stator/json_reader.hpp"

namespace stator::graph {
namespace {

bool read_seed(json::Reader& reader, Seed& seed) {
  bool has_id = false;
  bool has_distance = false;
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view text;
    if (json::equals(key, "document_id")) {
      json::RawString id;
      has_id = reader.string(id);
      if (has_id) seed.id = json::unescape(id);
    } else if (json::equals(key, "distance")) {
      has_distance = reader.number(text) && json::to_double(text, seed.distance);
    } else {
      reader.skip(text);
    }
  }
  return !reader.failed() && has_id && has_distance;
}

}  // namespace

std::optional<std::vector<Seed>> parse_vector_answer(std::string_view json) {
  json::Reader reader(json);
  std::vector<Seed> seeds;
  std::unordered_set<std::string> seen;
  bool has_results = false;
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    if (!json::equals(key, "results")) {
      std::string_view passed;
      reader.skip(passed);
      continue;
    }
    has_results = true;
    for (reader.enter_array(); reader.next_element();) {
      Seed seed{};
      if (!read_seed(reader, seed)) return std::nullopt;
      if (seen.insert(seed.id).second) seeds.push_back(std::move(seed));
    }
  }
  if (!reader.at_end() || !has_results) return std::nullopt;
  return seeds;
}

}  // namespace stator::graph
