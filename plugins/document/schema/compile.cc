// The text of a schema -> its nodes.
#include <algorithm>

#include "schema/schema.h"
#include "schema/schema_type.h"

namespace stator::document {

// Walks the schema's own packed form.
class SchemaCompiler {
 public:
  explicit SchemaCompiler(std::string& error) : error_(error) {}

  std::unique_ptr<Schema> compile(std::string_view text) {
    std::string packed;
    Encoder encoder;
    if (!encoder.encode(text, packed)) {
      error_ = std::string("'schema' ") + encoder.error();
      return nullptr;
    }
    auto schema = std::make_unique<Schema>();
    schema->text_ = text;
    schema->root_ = node(read_value(packed));
    return schema->root_ != nullptr ? std::move(schema) : nullptr;
  }

 private:
  using Node = Schema::Node;
  using NodePtr = std::unique_ptr<Node>;

  // Null after a refusal.
  NodePtr node(const Value& value) {
    auto out = std::make_unique<Node>();
    out->is_never = value.tag == Tag::kFalse;
    if (value.tag == Tag::kFalse || value.tag == Tag::kTrue) return out;
    if (value.tag != Tag::kObject) return refuse_node("expects an object, true or false");
    if (++depth_ > kSchemaDepthMax) return refuse_node("is nested deeper than 32");
    Members members(value);
    std::string_view key;
    for (Value operand; members.next(key, operand);) {
      const std::size_t place = place_.size();
      place_.append(".").append(key);
      if (!add_term() || !keyword(*out, key, operand)) return nullptr;
      place_.resize(place);
    }
    --depth_;
    return out;
  }

  bool keyword(Node& out, std::string_view key, const Value& operand) {
    if (key == "type") return types(operand, out);
    if (key == "enum") return choices(operand, out);
    if (key == "const") {
      out.constant = operand.bytes;
      return true;
    }
    if (key == "properties") return properties(operand, out);
    if (key == "required") return required(operand, out);
    if (key == "additionalProperties") return child(operand, out.additional);
    if (key == "items") return child(operand, out.items);
    if (key == "not") return child(operand, out.negated);
    if (key == "allOf") return children(operand, out.all_of);
    if (key == "anyOf") return children(operand, out.any_of);
    if (key == "oneOf") return children(operand, out.one_of);
    if (std::string* bound = bound_of(out, key)) return number(operand, *bound);
    if (std::uint64_t* count = count_of(out, key)) return size(operand, *count);
    return is_annotation(key) || refuse("is no keyword that is kept here");
  }

  static std::string* bound_of(Node& out, std::string_view key) {
    if (key == "minimum") return &out.minimum;
    if (key == "maximum") return &out.maximum;
    if (key == "exclusiveMinimum") return &out.above;
    if (key == "exclusiveMaximum") return &out.below;
    return nullptr;
  }
  static std::uint64_t* count_of(Node& out, std::string_view key) {
    if (key == "minLength") return &out.least_length;
    if (key == "maxLength") return &out.most_length;
    if (key == "minItems") return &out.least_items;
    if (key == "maxItems") return &out.most_items;
    if (key == "minProperties") return &out.least_members;
    if (key == "maxProperties") return &out.most_members;
    return nullptr;
  }
  static bool is_annotation(std::string_view key) {
    static constexpr std::string_view kAnnotations[] = {
        "$schema", "$id",      "$comment",   "title",    "description",
        "default", "examples", "deprecated", "readOnly", "writeOnly"};
    return std::find(std::begin(kAnnotations), std::end(kAnnotations), key) !=
           std::end(kAnnotations);
  }

  bool types(const Value& operand, Node& out) {
    if (operand.tag == Tag::kString) return type(operand, out);
    if (operand.tag != Tag::kArray) return refuse("expects a type or an array of types");
    Elements elements(operand);
    for (Value element; elements.next(element);) {
      if (!type(element, out)) return false;
    }
    return out.types != 0 || refuse("expects a type or an array of types");
  }
  bool type(const Value& name, Node& out) {
    const std::uint8_t bit = name.tag == Tag::kString ? schema_type_named(name.content) : 0;
    out.types = static_cast<std::uint8_t>(out.types | bit);
    return bit != 0 || refuse("names no type");
  }

  bool choices(const Value& operand, Node& out) {
    if (operand.tag != Tag::kArray) return refuse("expects an array");
    out.has_choices = true;
    Elements elements(operand);
    for (Value element; elements.next(element);) {
      if (!add_term()) return false;
      out.choices.emplace_back(element.bytes);
    }
    return true;
  }

  bool properties(const Value& operand, Node& out) {
    if (operand.tag != Tag::kObject) return refuse("expects an object");
    Members members(operand);
    std::string_view name;
    for (Value rules; members.next(name, rules);) {
      const std::size_t place = place_.size();
      place_.append(".").append(name);
      NodePtr property = add_term() ? node(rules) : nullptr;
      if (property == nullptr) return false;
      place_.resize(place);
      out.properties.emplace_back(name, std::move(property));
    }
    return true;
  }
  bool required(const Value& operand, Node& out) {
    if (operand.tag != Tag::kArray) return refuse("expects an array of names");
    Elements elements(operand);
    for (Value name; elements.next(name);) {
      if (name.tag != Tag::kString) return refuse("expects an array of names");
      if (!add_term()) return false;
      out.required.emplace_back(name.content);
    }
    return true;
  }

  bool child(const Value& operand, NodePtr& out) {
    out = node(operand);
    return out != nullptr;
  }
  bool children(const Value& operand, std::vector<NodePtr>& out) {
    if (operand.tag != Tag::kArray) return refuse("expects an array of schemas");
    Elements elements(operand);
    for (Value element; elements.next(element);) {
      const std::size_t place = place_.size();
      place_.append("[" + std::to_string(out.size()) + "]");
      if (!add_term() || !child(element, out.emplace_back())) return false;
      place_.resize(place);
    }
    return !out.empty() || refuse("expects an array of schemas");
  }

  bool number(const Value& operand, std::string& out) {
    out = operand.bytes;
    return operand.is_number() || refuse("expects a number");
  }
  bool size(const Value& operand, std::uint64_t& out) {
    out = operand.bits;
    const bool is_size = operand.tag == Tag::kInteger && operand.integer() >= 0;
    return is_size || refuse("expects an integer from 0");
  }

  bool add_term() { return ++terms_ <= kSchemaTermsMax || refuse("is more than 2000 terms"); }
  NodePtr refuse_node(const char* what) {
    refuse(what);
    return nullptr;
  }
  bool refuse(const char* what) {
    constexpr std::size_t kPlaceShown = 140;
    if (error_.empty()) {
      const std::size_t cut = place_.size() > kPlaceShown ? place_.size() - kPlaceShown : 0;
      error_ = "'" + std::string(cut > 0 ? "..." : "") + place_.substr(cut) + "' " + what;
    }
    return false;
  }

  std::string& error_;
  std::string place_ = "schema";
  int depth_ = 0;
  std::size_t terms_ = 0;
};

std::unique_ptr<Schema> Schema::compile(std::string_view text, std::string& error) {
  error.clear();
  return SchemaCompiler(error).compile(text);
}

}  // namespace stator::document
