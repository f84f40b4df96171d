// A value against a compiled schema.
#include <algorithm>

#include "schema/schema.h"
#include "schema/schema_type.h"

namespace stator::document {
namespace {

std::uint64_t characters_of(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), begins));
}

std::uint64_t count_elements(const Value& array) {
  std::uint64_t count = 0;
  Elements elements(array);
  for (Value element; elements.next(element);) ++count;
  return count;
}

std::uint64_t count_members(const Value& object) {
  std::uint64_t count = 0;
  Members members(object);
  std::string_view key;
  for (Value member; members.next(key, member);) ++count;
  return count;
}

bool is_within(std::uint64_t count, std::uint64_t least, std::uint64_t most) {
  return count >= least && count <= most;
}

int order_of(const Value& value, const std::string& bound) {
  return compare_values(value, read_value(bound));
}

// A fault inside a member: its path comes before that of the fault.
bool inside(std::string_view step, SchemaFault& fault) {
  fault.path = fault.path.empty() ? std::string(step) : std::string(step) + "." + fault.path;
  return false;
}

bool breaks(const char* rule, SchemaFault& fault) {
  fault = {{}, rule};
  return false;
}

}  // namespace

bool Schema::check(const Value& value, SchemaFault& fault) const {
  return check_node(*root_, value, fault);
}

bool Schema::check_node(const Node& node, const Value& value, SchemaFault& fault) {
  if (const char* rule = broken_rule(node, value)) return breaks(rule, fault);
  if (value.tag == Tag::kObject && !check_object(node, value, fault)) return false;
  if (value.tag == Tag::kArray && !check_array(node, value, fault)) return false;
  return check_combined(node, value, fault);
}

const char* Schema::broken_rule(const Node& node, const Value& value) {
  if (node.is_never) return "false";
  if (node.types != 0 && (node.types & schema_types_of(value)) == 0) return "type";
  const auto is_it = [&](const Packed& choice) { return order_of(value, choice) == 0; };
  if (node.has_choices && std::none_of(node.choices.begin(), node.choices.end(), is_it)) {
    return "enum";
  }
  if (!node.constant.empty() && !is_it(node.constant)) return "const";
  if (value.is_number()) return broken_number(node, value);
  if (value.tag != Tag::kString) return nullptr;
  const std::uint64_t length = characters_of(value.content);
  if (length < node.least_length) return "minLength";
  return length > node.most_length ? "maxLength" : nullptr;
}

const char* Schema::broken_number(const Node& node, const Value& value) {
  if (!node.minimum.empty() && order_of(value, node.minimum) < 0) return "minimum";
  if (!node.maximum.empty() && order_of(value, node.maximum) > 0) return "maximum";
  if (!node.above.empty() && order_of(value, node.above) <= 0) return "exclusiveMinimum";
  if (!node.below.empty() && order_of(value, node.below) >= 0) return "exclusiveMaximum";
  return nullptr;
}

bool Schema::check_object(const Node& node, const Value& value, SchemaFault& fault) {
  const std::uint64_t count = count_members(value);
  if (!is_within(count, node.least_members, node.most_members)) {
    return breaks(count < node.least_members ? "minProperties" : "maxProperties", fault);
  }
  for (const std::string& name : node.required) {
    Value found;
    if (!Members(value).find(name, found)) {
      breaks("required", fault);
      return inside(name, fault);
    }
  }
  Members members(value);
  std::string_view key;
  for (Value member; members.next(key, member);) {
    const auto is_named = [&](const auto& property) { return property.first == key; };
    const auto property = std::find_if(node.properties.begin(), node.properties.end(), is_named);
    const Node* rules =
        property != node.properties.end() ? property->second.get() : node.additional.get();
    if (rules == nullptr || check_node(*rules, member, fault)) continue;
    if (rules == node.additional.get() && rules->is_never) breaks("additionalProperties", fault);
    return inside(key, fault);
  }
  return true;
}

bool Schema::check_array(const Node& node, const Value& value, SchemaFault& fault) {
  const std::uint64_t count = count_elements(value);
  if (!is_within(count, node.least_items, node.most_items)) {
    return breaks(count < node.least_items ? "minItems" : "maxItems", fault);
  }
  if (node.items == nullptr) return true;
  std::uint64_t number = 0;
  Elements elements(value);
  for (Value element; elements.next(element); ++number) {
    if (!check_node(*node.items, element, fault)) return inside(std::to_string(number), fault);
  }
  return true;
}

bool Schema::check_combined(const Node& node, const Value& value, SchemaFault& fault) {
  for (const auto& part : node.all_of) {
    if (!check_node(*part, value, fault)) return false;
  }
  SchemaFault ignored;
  const auto holds = [&](const std::unique_ptr<Node>& part) {
    return check_node(*part, value, ignored);
  };
  if (!node.any_of.empty() && std::none_of(node.any_of.begin(), node.any_of.end(), holds)) {
    return breaks("anyOf", fault);
  }
  if (!node.one_of.empty() && std::count_if(node.one_of.begin(), node.one_of.end(), holds) != 1) {
    return breaks("oneOf", fault);
  }
  if (node.negated != nullptr && check_node(*node.negated, value, ignored)) {
    return breaks("not", fault);
  }
  return true;
}

}  // namespace stator::document
