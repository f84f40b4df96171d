// JSON Schema, a named part of draft 2020-12: compiled once, checked on packed JSON.
//
//   type (one or several), enum, const
//   minimum maximum exclusiveMinimum exclusiveMaximum
//   minLength maxLength (characters)   minItems maxItems   minProperties maxProperties
//   properties, required, additionalProperties, items
//   allOf anyOf oneOf not
//   true and false as schemas; $schema $id $comment title description default examples deprecated
//   readOnly writeOnly are taken and mean nothing
//
// Any other keyword is refused: a rule that is not kept must not look as if it were. Numbers are
// compared by their exact decimals; an integer is any number without a fraction, also 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stator/json_reader.hpp"

#include "packed_json.h"

namespace stator::document {

inline constexpr std::size_t kSchemaBytesMax = 64 * 1024;
inline constexpr int kSchemaDepthMax = 32;
inline constexpr std::size_t kSchemaTermsMax = 2000;  // schemas, properties, values of enum

// Where and why a document is not valid.
struct SchemaFault {
  std::string path;       // dotted; empty: the document itself
  const char* rule = "";  // the keyword
};

class Schema {
 public:
  // Null with a sentence that names the place in the schema.
  static std::unique_ptr<Schema> compile(std::string_view text, std::string& error);

  bool check(const Value& value, SchemaFault& fault) const;
  const std::string& text() const { return text_; }

 private:
  friend class SchemaCompiler;
  using Packed = std::string;
  struct Node {
    std::uint8_t types = 0;       // bits of SchemaType; 0: any
    bool is_never = false;        // the schema false
    std::vector<Packed> choices;  // enum
    bool has_choices = false;
    Packed constant, minimum, maximum, above, below;  // empty: none
    std::uint64_t least_length = 0, most_length = UINT64_MAX;
    std::uint64_t least_items = 0, most_items = UINT64_MAX;
    std::uint64_t least_members = 0, most_members = UINT64_MAX;
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> properties;
    std::vector<std::string> required;
    std::unique_ptr<Node> additional, items, negated;
    std::vector<std::unique_ptr<Node>> all_of, any_of, one_of;
  };

  static bool check_node(const Node& node, const Value& value, SchemaFault& fault);
  static const char* broken_rule(const Node& node, const Value& value);
  static const char* broken_number(const Node& node, const Value& value);
  static bool check_object(const Node& node, const Value& value, SchemaFault& fault);
  static bool check_array(const Node& node, const Value& value, SchemaFault& fault);
  static bool check_combined(const Node& node, const Value& value, SchemaFault& fault);

  std::unique_ptr<Node> root_;
  std::string text_;
};

}  // namespace stator::document
