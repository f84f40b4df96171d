// An independent model of the filter language: the filter's JSON interpreted on the document's
// JSON; and random documents and filters to try it on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>

#include "stator/filter/matches.hpp"

namespace stator::filter {

using Json = nlohmann::json;
// --------------------------------

inline int class_of(const Json& value) {
  if (value.is_null()) return 0;
  if (value.is_boolean()) return 1;
  if (value.is_number()) return 2;
  if (value.is_string()) return 3;
  return value.is_array() ? 4 : 5;
}

inline const Json* at_path(const Json& root, const std::string& path) {
  const Json* at = &root;
  std::size_t start = 0;
  while (at != nullptr && start <= path.size()) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const std::string segment = path.substr(start, dot - start);
    start = dot + 1;
    if (at->is_object()) {
      const auto found = at->find(segment);
      at = found == at->end() ? nullptr : &*found;
    } else if (at->is_array() && segment.find_first_not_of("0123456789") == std::string::npos) {
      const std::size_t i = std::stoul(segment);
      at = i < at->size() ? &(*at)[i] : nullptr;
    } else {
      at = nullptr;
    }
  }
  return at;
}

inline bool model_like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (model_like(text.substr(i), pattern.substr(1))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  return (pattern[0] == '_' || pattern[0] == text[0]) &&
         model_like(text.substr(1), pattern.substr(1));
}

inline std::string lower(std::string text) {
  for (char& c : text) c = fold(c);
  return text;
}

inline bool model_object(const Json& filter, const Json* value, bool has_tests);

inline bool model_list(const Json& list, const Json* value) {
  for (const Json& wanted : list) {
    if (value != nullptr && *value == wanted) return true;
  }
  return false;
}

inline bool model_text(const std::string& name, const Json& value, const Json& operand) {
  if (name == "contains" && value.is_array()) return model_list(value, &operand);
  if (!value.is_string() || !operand.is_string()) return false;
  const std::string text = value;
  const std::string wanted = operand;
  if (name == "contains") return text.find(wanted) != std::string::npos;
  if (name == "prefix") return text.compare(0, wanted.size(), wanted) == 0;
  return name == "like" ? model_like(text, wanted) : model_like(lower(text), lower(wanted));
}

inline bool model_test(const std::string& name, const Json& operand, const Json* value) {
  if (name == "ne") return !model_test("eq", operand, value);
  if (name == "nin") return !model_list(operand, value);
  if (name == "exists") return (value != nullptr) == operand.get<bool>();
  if (name == "is_null") return (value == nullptr || value->is_null()) == operand.get<bool>();
  if (value == nullptr) return false;
  if (name == "eq") return *value == operand;
  if (name == "in") return model_list(operand, value);
  if (name == "any" || name == "all") {
    if (!value->is_array()) return false;
    for (const Json& element : *value) {
      if (model_object(operand, &element, true) == (name == "any")) return name == "any";
    }
    return name == "all";
  }
  if (name == "between") {
    return model_test("gte", operand[0], value) && model_test("lte", operand[1], value);
  }
  if (name == "gt" || name == "gte" || name == "lt" || name == "lte") {
    if (class_of(*value) != class_of(operand)) return false;
    const bool less = *value < operand;
    const bool same = *value == operand;
    if (name[0] == 'g') return name == "gt" ? !less && !same : !less;
    return name == "lt" ? less : less || same;
  }
  return model_text(name, *value, operand);
}

inline bool model_object(const Json& filter, const Json* value, bool has_tests) {
  for (const auto& [key, operand] : filter.items()) {
    bool holds = false;
    if (key == "and" || key == "or") {
      holds = key == "and";
      for (const Json& part : operand) {
        const bool one = model_object(part, value, has_tests);
        holds = key == "and" ? holds && one : holds || one;
      }
    } else if (key == "not") {
      holds = !model_object(operand, value, has_tests);
    } else if (has_tests) {
      holds = model_test(key, operand, value);
    } else {
      const Json* found = at_path(*value, key);
      holds = operand.is_object() ? model_object(operand, found, true)
                                  : model_test("eq", operand, found);
    }
    if (!holds) return false;
  }
  return true;
}

class RandomJson {
 public:
  explicit RandomJson(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
  }
  Json scalar() {
    switch (below(5)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return text("abAB", 3);
      case 3:
        return (static_cast<double>(below(9)) - 4) / 2;
      default:
        return static_cast<int>(below(5)) - 2;
    }
  }
  Json value(int depth) {
    if (depth == 0 || below(3) != 0) return scalar();
    Json out = below(2) == 0 ? Json::array() : Json::object();
    for (std::size_t i = below(4); i > 0; --i) {
      if (out.is_array()) {
        out.push_back(value(depth - 1));
      } else {
        out[text("xy", 1)] = value(depth - 1);
      }
    }
    return out;
  }
  Json document() {
    Json out = Json::object();
    for (const char* field : {"x", "y", "z"}) {
      if (below(4) != 0) out[field] = value(2);
    }
    return out;
  }
  std::string path() {
    std::string out(1, "xyz"[below(3)]);
    while (below(3) == 0) out += below(2) == 0 ? ".x" : ".0";
    return out;
  }
  Json filter(int depth, bool has_tests) {
    Json out = Json::object();
    for (std::size_t i = 1 + below(2); i > 0; --i) {
      const std::size_t kind = depth > 0 ? below(6) : 5;
      if (kind == 0) {
        out["not"] = filter(depth - 1, has_tests);
      } else if (kind == 1) {
        out[below(2) == 0 ? "or" : "and"] = {filter(depth - 1, has_tests),
                                             filter(depth - 1, has_tests)};
      } else if (has_tests) {
        add_test(out, depth);
      } else {
        out[path()] = below(4) == 0 ? scalar() : filter(std::max(depth - 1, 0), true);
      }
    }
    return out;
  }

 private:
  std::string text(std::string_view letters, std::size_t longest) {
    std::string out;
    for (std::size_t i = 1 + below(longest); i > 0; --i) out += letters[below(letters.size())];
    return out;
  }
  Json bound() {
    Json out = scalar();
    while (out.is_null()) out = scalar();
    return out;
  }
  void add_test(Json& out, int depth) {
    static const char* const kNames[] = {"eq",     "ne",      "gt",       "gte",    "lt",   "lte",
                                         "in",     "nin",     "contains", "prefix", "like", "ilike",
                                         "exists", "is_null", "between",  "any",    "all"};
    const std::string name = kNames[below(depth > 0 ? 17 : 15)];
    if (name == "in" || name == "nin") {
      out[name] = Json::array();
      for (std::size_t i = below(5); i > 0; --i) out[name].push_back(scalar());
    } else if (name == "exists" || name == "is_null") {
      out[name] = below(2) == 0;
    } else if (name == "any" || name == "all") {
      out[name] = filter(depth - 1, true);
    } else if (name == "between") {
      const Json lower = bound();
      Json upper = bound();
      while (class_of(upper) != class_of(lower)) upper = bound();
      out[name] = {lower, upper};
    } else if (name == "prefix" || name == "like" || name == "ilike") {
      out[name] = text("aB%_", 4);
    } else if (name == "eq" || name == "ne") {
      out[name] = scalar();
    } else {
      out[name] = name == "contains" ? scalar() : bound();
    }
  }
  std::mt19937_64 engine_;
};

}  // namespace stator::filter
