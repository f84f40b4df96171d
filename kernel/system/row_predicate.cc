#include "system/row_predicate.h"

#include "stator/filter/compile.hpp"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

namespace stator::system {
namespace {

// What the sentences call the predicate: the argument's name.
constexpr const char* kName = "where";

bool is_reference(std::string_view text) { return text == "$auth" || text.starts_with("$auth."); }

// Copies a JSON text with the values in the places of their names.
class Filling {
 public:
  Filling(std::string_view text, const AuthValues& values)
      : reader_(text), json_(out_), values_(values) {}

  bool run() { return value(false) && reader_.at_end(); }
  std::string_view text() const { return out_.view(); }
  const std::string& error() const { return error_; }

 private:
  bool value(bool is_pattern) {
    switch (reader_.peek()) {
      case json::Kind::kObject:
        return object();
      case json::Kind::kArray:
        return array(is_pattern);
      case json::Kind::kString:
        return string(is_pattern);
      default:
        break;
    }
    std::string_view raw;
    if (!reader_.skip(raw)) return false;
    json_.raw(raw);
    return true;
  }

  bool object() {
    json_.begin_object();
    json::RawString key;
    for (reader_.enter_object(); reader_.next_key(key);) {
      const std::string name = json::unescape(key);
      if (is_reference(name)) return refuse("'where' names a path that begins with $auth: " + name);
      json_.key(name);
      if (!value(name == "like" || name == "ilike")) return false;
    }
    json_.end_object();
    return !reader_.failed();
  }

  bool array(bool is_pattern) {
    json_.begin_array();
    for (reader_.enter_array(); reader_.next_element();) {
      if (!value(is_pattern)) return false;
    }
    json_.end_array();
    return !reader_.failed();
  }

  bool string(bool is_pattern) {
    json::RawString raw;
    if (!reader_.string(raw)) return false;
    const std::string text = json::unescape(raw);
    if (!is_reference(text)) {
      json_.raw("\"" + std::string(raw.text) + "\"");
      return true;
    }
    if (is_pattern)
      return refuse("'where' has a pattern made of a name: use eq, in, prefix or contains");
    if (text == "$auth.username") {
      json_.string(values_.username);
    } else if (text == "$auth.tenant_id") {
      json_.number(values_.tenant);
    } else if (text == "$auth.roles") {
      json_.begin_array();
      for (const std::string& role : values_.roles) json_.string(role);
      json_.end_array();
    } else {
      return refuse("'where' knows $auth.username, $auth.tenant_id and $auth.roles, not " + text);
    }
    return true;
  }

  bool refuse(std::string what) {
    error_ = std::move(what);
    return false;
  }

  json::Reader reader_;
  json::StringOut out_;
  json::Writer json_;
  const AuthValues& values_;
  std::string error_;
};

}  // namespace

bool compile_row_predicate(std::string_view where, const AuthValues& values, std::string& out,
                           std::string& error) {
  Filling filling(where, values);
  if (!filling.run()) {
    error =
        filling.error().empty() ? std::string("'where' is not one JSON object") : filling.error();
    return false;
  }
  filter::Compiler compiler(kName);
  if (compiler.compile(filling.text(), out)) return true;
  error = compiler.error();
  return false;
}

}  // namespace stator::system
