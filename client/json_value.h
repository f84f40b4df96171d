// A JSON value as a tree: for what the client shows and for the op table. Numbers keep their text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stator/json_reader.hpp"

namespace stator::client {

struct JsonMember;

struct JsonValue {
  json::Kind kind = json::Kind::kNull;
  std::string text;              // of a string (unescaped), number, true or false
  std::vector<JsonValue> items;  // array
  std::vector<JsonMember> members;  // object, in its order

  // The member of that name, or a null value.
  const JsonValue& operator[](std::string_view name) const;
  bool is(json::Kind wanted) const { return kind == wanted; }
  bool is_true() const { return kind == json::Kind::kBool && text == "true"; }
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// False if `text` is not one JSON value.
bool parse_json(std::string_view text, JsonValue& value);

// The value as compact JSON.
std::string to_json(const JsonValue& value);

// The same valid JSON without the white space between its tokens, so that it is one line.
std::string compact_json(std::string_view text);

}  // namespace stator::client
