#include "request.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "failure.h"

namespace stator::client {
namespace {

constexpr std::string_view kFormatMember = R"("payload_format":"json")";

enum class SharedType { kString, kNumber, kBool, kNumberOrString };
struct SharedField {
  std::string_view name;
  SharedType type;
};
// Fields that every request may have (the wire protocol's own), beside the op's arguments.
constexpr std::array kSharedFields = {
    SharedField{"collection", SharedType::kString},
    SharedField{"id", SharedType::kNumberOrString},
    SharedField{"deadline_ms", SharedType::kNumber},
    SharedField{"priority", SharedType::kString},
    SharedField{"consistency", SharedType::kString},
    SharedField{"min_lsn", SharedType::kNumber},
    SharedField{"idempotency_key", SharedType::kNumberOrString},
    SharedField{"trace_id", SharedType::kNumberOrString},
    SharedField{"payload_format", SharedType::kString},
    SharedField{"strict", SharedType::kBool},
};

std::string json_string(std::string_view text) {
  json::StringOut out;
  json::Writer(out).string(text);
  return out.take();
}

bool is_number(std::string_view text) {
  json::Reader reader(text);
  std::string_view token;
  return reader.peek() == json::Kind::kNumber && reader.number(token) &&
         token.size() == text.size();
}

bool is_json(std::string_view text) {
  json::Reader reader(text);
  std::string_view raw;
  return reader.skip(raw) && reader.at_end();
}

[[noreturn]] void refuse(const std::string& name, const std::string& wanted,
                         std::string_view given) {
  throw Failure(kExitUsage,
                "argument '" + name + "' must be " + wanted + ", not '" + std::string(given) + "'");
}

std::string json_array(const ArgInfo& arg, std::string_view word, const char* wanted) {
  if (json::Reader(word).peek() != json::Kind::kArray || !is_json(word)) {
    refuse(arg.name, wanted, word);
  }
  return compact_json(word);
}

// JSON stands for itself. A bare word is a string where a scalar is accepted, so that
// --lower abc needs no inner quotes.
std::string json_value(const ArgInfo& arg, std::string_view word) {
  if (is_json(word)) return std::string(word);
  const auto& kinds = arg.json_kinds;
  const bool accepts_scalar =
      kinds.empty() || std::find(kinds.begin(), kinds.end(), "scalar") != kinds.end();
  const bool looks_like_json = !word.empty() && std::string_view("{[\"").find(word[0]) != word.npos;
  if (!accepts_scalar || looks_like_json) refuse(arg.name, "valid JSON", word);
  return json_string(word);
}

// The word as the JSON value of an argument.
std::string value_of(const ArgInfo& arg, std::string_view word) {
  const bool is_text = arg.type == "str" || arg.type == "bytes" || arg.type == "enum";
  if (!is_text && arg.is_nullable && word == "null") return "null";
  if (arg.type == "i64" || arg.type == "u64" || arg.type == "f64") {
    if (!is_number(word)) refuse(arg.name, "a number", word);
    return std::string(word);
  }
  if (arg.type == "bool") {
    if (word != "true" && word != "false") refuse(arg.name, "true or false", word);
    return std::string(word);
  }
  if (arg.type == "rows") return json_array(arg, word, "a JSON array of objects");
  if (arg.type == "json") return json_value(arg, word);
  if (arg.type == "f32vec" && word.starts_with('[')) {
    return json_array(arg, word, "a JSON array of numbers or base64");
  }
  if (arg.type == "strvec") {
    if (word.starts_with('[')) return json_array(arg, word, "a JSON array of strings");
    return "[" + json_string(word) + "]";
  }
  return json_string(word);
}

std::string shared_value(const SharedField& field, std::string_view word) {
  const std::string name(field.name);
  switch (field.type) {
    case SharedType::kNumber:
      if (!is_number(word)) refuse(name, "a number", word);
      return std::string(word);
    case SharedType::kBool:
      if (word != "true" && word != "false") refuse(name, "true or false", word);
      return std::string(word);
    case SharedType::kNumberOrString:
      if (is_number(word)) return std::string(word);
      return json_string(word);
    case SharedType::kString:
      return json_string(word);
  }
  return {};
}

const SharedField* find_shared(std::string_view name) {
  const auto* it = std::find_if(kSharedFields.begin(), kSharedFields.end(),
                                [&](const SharedField& field) { return field.name == name; });
  return it == kSharedFields.end() ? nullptr : it;
}

// Collects the fields of one request; writes the collection, the arguments in the op table's order,
// then the other shared fields.
class Builder {
 public:
  Builder(const OpInfo& op, std::span<const std::string> words) : op_(op), words_(words) {}

  std::string build() {
    while (at_ < words_.size()) take_word();
    place_positionals();
    for (const ArgInfo& arg : op_.args) {
      if (!arg.is_required || values_.contains(arg.name)) continue;
      throw Failure(kExitUsage, "missing '" + arg.name + "'; usage: stator " + usage_line(op_));
    }
    json::StringOut out;
    json::Writer writer(out);
    writer.begin_object().field("op", std::string_view(op_.name));
    values_.try_emplace("payload_format", R"("json")");
    write("collection", writer);
    for (const ArgInfo& arg : op_.args) write(arg.name, writer);
    for (const SharedField& field : kSharedFields) write(field.name, writer);
    writer.end_object();
    return out.take();
  }

 private:
  void take_word() {
    const std::string& word = words_[at_++];
    if (word == "--" && !only_positionals_) {
      only_positionals_ = true;
    } else if (word.starts_with("--") && !only_positionals_) {
      take_option(std::string_view(word).substr(2));
    } else {
      positionals_.push_back(word);
    }
  }
  void take_option(std::string_view option) {
    const std::size_t equals = option.find('=');
    std::string name(option.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    const ArgInfo* arg = op_.find_arg(name);
    const SharedField* shared = arg == nullptr ? find_shared(name) : nullptr;
    if (arg == nullptr && shared == nullptr) unknown(name);
    const bool is_bool = arg != nullptr ? arg->type == "bool" : shared->type == SharedType::kBool;
    std::string value;
    if (equals != std::string_view::npos) {
      value = option.substr(equals + 1);
    } else if (is_bool && !next_is_bool()) {
      value = "true";
    } else if (at_ < words_.size()) {
      value = words_[at_++];
    } else {
      throw Failure(kExitUsage, "argument '" + name + "' has no value");
    }
    if (arg != nullptr) {
      set(*arg, value);
    } else {
      set(name, shared_value(*shared, value));
    }
  }
  bool next_is_bool() const {
    return at_ < words_.size() && (words_[at_] == "true" || words_[at_] == "false");
  }
  void place_positionals() {
    std::vector<const ArgInfo*> open;  // required and not yet given
    for (const ArgInfo& arg : op_.args) {
      if (arg.is_required && !values_.contains(arg.name)) open.push_back(&arg);
    }
    std::size_t next = 0;
    const bool has_collection = op_.op_class == "control" ? positionals_.size() == open.size() + 1
                                                          : !values_.contains("collection");
    if (has_collection && !positionals_.empty()) {
      set("collection", json_string(positionals_[next++]));
    }
    for (const ArgInfo* arg : open) {
      if (next < positionals_.size()) set(*arg, positionals_[next++]);
    }
    if (next == positionals_.size()) return;
    throw Failure(kExitUsage, "one word too many: '" + positionals_[next] + "'; usage: stator " +
                                  usage_line(op_));
  }
  void set(const ArgInfo& arg, std::string_view word) {
    const auto it = values_.find(arg.name);
    const std::string value = value_of(arg, word);
    if (it == values_.end() || arg.type != "strvec") return set(arg.name, value);
    // --names a --names b is ["a","b"].
    if (value == "[]") return;
    it->second.pop_back();
    it->second += (it->second == "[" ? "" : ",") + value.substr(1);
  }
  void set(const std::string& name, std::string value) {
    if (!values_.emplace(name, std::move(value)).second) {
      throw Failure(kExitUsage, "argument '" + name + "' is given twice");
    }
  }
  // Once, and only if it was given.
  void write(std::string_view name, json::Writer& writer) {
    const auto it = values_.find(name);
    if (it == values_.end()) return;
    writer.key(name).raw(it->second);
    values_.erase(it);
  }
  [[noreturn]] void unknown(const std::string& name) const {
    std::vector<std::string> known;
    for (const ArgInfo& arg : op_.args) known.push_back(arg.name);
    for (const SharedField& field : kSharedFields) known.emplace_back(field.name);
    const std::string nearest = nearest_name(name, known);
    throw Failure(kExitUsage,
                  "'" + op_.name + "' has no argument '" + name + "'" +
                      (nearest.empty() ? "; options of the client stand before the operation"
                                       : "; did you mean '" + nearest + "'?"));
  }

  const OpInfo& op_;
  std::span<const std::string> words_;
  std::size_t at_ = 0;
  bool only_positionals_ = false;
  std::vector<std::string> positionals_;
  std::map<std::string, std::string, std::less<>> values_;  // field name -> JSON
};

}  // namespace

std::string build_request(const OpInfo& op, std::span<const std::string> words) {
  return Builder(op, words).build();
}

std::string with_json_payload(std::string_view object) {
  json::Reader reader(object);
  json::RawString key;
  bool has_format = false;
  bool is_empty = true;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view value;
    if (!reader.skip(value)) break;
    is_empty = false;
    has_format = has_format || json::equals(key, "payload_format");
  }
  const std::size_t end = reader.offset();
  if (!reader.at_end()) {
    const std::string why = reader.failed() ? reader.error() : "text behind the object";
    throw Failure(kExitUsage,
                  "not a JSON object: " + why + " at byte " + std::to_string(reader.offset()));
  }
  std::string out(object.substr(0, end));
  if (has_format) return out;
  out.pop_back();
  out += (is_empty ? "" : ",");
  return out.append(kFormatMember) + "}";
}

std::string usage_line(const OpInfo& op) {
  const auto upper = [](std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return name;
  };
  std::string required;
  bool has_options = false;
  for (const ArgInfo& arg : op.args) {
    if (arg.is_required) required += " " + upper(arg.name);
    has_options = has_options || !arg.is_required;
  }
  std::string collection;
  if (op.op_class != "control") collection = required.empty() ? " [COLLECTION]" : " COLLECTION";
  return op.name + collection + required + (has_options ? " [--name VALUE]..." : "");
}

}  // namespace stator::client
