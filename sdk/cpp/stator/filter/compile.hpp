// The filter language: JSON text -> program (filter/program.hpp).
//
//   {"age": {"gte": 18, "lt": 65}, "city": {"in": ["Oslo", "Rome"]}, "or": [{...}, {...}]}
//
// The members of an object must all hold. A member is a combinator (`and`, `or`: an array of
// filters; `not`: a filter) or a dotted path with its tests. A path with one value instead of tests
// means eq; "$.or" is the field called or.
//
//   eq ne            equal, by type and value; 1 equals 1.0, never "1"; the order of an object's
//                    members means nothing
//   gt gte lt lte    a number, string or boolean, against values of its own type only
//   between          [lower, upper] of one type, both inclusive
//   in nin           one of up to kListMax values; of an empty list none
//   contains         of a string: a part of it; of an array: an element equal to the operand
//   prefix           of a string
//   like ilike       '%' any text, '_' one character, '\' escapes; ilike ignores the case of A-Z
//   exists           true, false: whether there is a value, null included
//   is_null          true: missing or null; false: a value other than null
//   any all          of an array: the tests (or the paths) inside hold for one, for every element;
//                    all is true of an empty array, both are false of what is no array
//   and or not       also between tests
//
// On a missing value ne, nin, not, is_null true and exists false hold, and nothing else does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stator/filter/matches.hpp"
#include "stator/filter/program.hpp"
#include "stator/json_reader.hpp"
#include "stator/packed/encode.hpp"

namespace stator::filter {

// Bounds of one filter: what a request may make a lane do for each document.
inline constexpr std::size_t kTextBytesMax = 64 * 1024;
inline constexpr int kDepthMax = 16;                  // objects and arrays of filters
inline constexpr std::size_t kTermsMax = 256;         // paths, tests and combinators
inline constexpr std::size_t kListMax = 1000;         // values of one in or nin
inline constexpr std::size_t kPatternBytesMax = 256;  // of like and ilike

class Compiler {
 public:
  // Appends the program to `out`. False with error(); `out` is then as long as before.
  bool compile(std::string_view text, std::string& out);
  // A sentence that names the place: "'filter.or[1].age.gt' expects a number, string or boolean".
  const std::string& error() const { return error_; }
  // What the sentence calls the whole filter; `filter` by default.
  explicit Compiler(std::string_view name = "filter") : name_(name) {}

 private:
  // What a member of an object may be.
  enum class About : std::uint8_t { kDocument, kValue, kElement };  // paths, tests, both

  bool object(About about);
  bool member(const std::string& key, About about);
  bool list_of_filters(Op op, About about);
  bool negated(About about);
  bool path(std::string_view path);
  bool test(std::string_view name);
  bool bound(Op op);
  bool between();
  bool in_list();
  bool text_test(Op op);
  bool any_value(Op op);
  bool flag(Op op);
  bool elements(Op op);

  std::size_t begin(Op op);
  bool end(std::size_t at);
  bool add_term();
  bool encode_next(std::string& to);
  bool refuse(std::string_view what);
  bool malformed();

  std::string_view name_;
  json::Reader reader_{""};
  std::string* out_ = nullptr;
  std::string where_;
  std::string error_;
  std::size_t terms_ = 0;
  int depth_ = 0;
  packed::Encoder encoder_;
};

namespace detail {

struct TestName {
  std::string_view name;
  Op op;
  bool is_negated;
};
inline constexpr TestName kTests[] = {
    {"eq", Op::kEq, false},
    {"ne", Op::kEq, true},
    {"gt", Op::kGt, false},
    {"gte", Op::kGte, false},
    {"lt", Op::kLt, false},
    {"lte", Op::kLte, false},
    {"in", Op::kIn, false},
    {"nin", Op::kIn, true},
    {"contains", Op::kContains, false},
    {"prefix", Op::kPrefix, false},
    {"like", Op::kLike, false},
    {"ilike", Op::kIlike, false},
    {"exists", Op::kExists, false},
    {"is_null", Op::kIsNull, false},
    {"between", Op::kAnd, false},
    {"any", Op::kAny, false},
    {"all", Op::kAll, false},
};

inline const TestName* find_test(std::string_view name) {
  for (const TestName& test : kTests) {
    if (test.name == name) return &test;
  }
  return nullptr;
}

// Restores the place of a sentence when a member is done.
class Place {
 public:
  Place(std::string& where, std::string_view step) : where_(where), size_(where.size()) {
    where_.append(step);
  }
  ~Place() { where_.resize(size_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::string& where_;
  std::size_t size_;
};

}  // namespace detail

inline bool Compiler::compile(std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  out_ = &out;
  reader_ = json::Reader(text);
  where_ = name_;
  error_.clear();
  terms_ = 0;
  depth_ = 0;
  bool ok = text.size() <= kTextBytesMax || refuse("is longer than 65536 bytes");
  out.push_back(kProgramVersion);
  ok = ok && object(About::kDocument) && (reader_.at_end() || malformed());
  if (!ok) out.resize(before);
  return ok;
}

inline bool Compiler::object(About about) {
  if (reader_.peek() != json::Kind::kObject) {
    return refuse(about == About::kValue ? "expects an object of tests" : "expects an object");
  }
  if (++depth_ > kDepthMax) return refuse("is nested deeper than 16");
  const std::size_t at = begin(Op::kAnd);
  reader_.enter_object();
  json::RawString key;
  while (reader_.next_key(key)) {
    if (!add_term() || !member(json::unescape(key), about)) return false;
  }
  if (reader_.failed()) return malformed();
  --depth_;
  return end(at);
}

inline bool Compiler::member(const std::string& key, About about) {
  const detail::Place place(where_, "." + key);
  if (key == "and") return list_of_filters(Op::kAnd, about);
  if (key == "or") return list_of_filters(Op::kOr, about);
  if (key == "not") return negated(about);
  if (about != About::kDocument && detail::find_test(key) != nullptr) return test(key);
  if (about == About::kValue) return refuse("is no test; a field inside is named by a dotted path");
  return path(key.starts_with("$.") ? std::string_view(key).substr(2) : std::string_view(key));
}

inline bool Compiler::list_of_filters(Op op, About about) {
  if (reader_.peek() != json::Kind::kArray) return refuse("expects an array of filters");
  if (++depth_ > kDepthMax) return refuse("is nested deeper than 16");
  const std::size_t at = begin(op);
  reader_.enter_array();
  std::size_t count = 0;
  while (reader_.next_element()) {
    const detail::Place place(where_, "[" + std::to_string(count++) + "]");
    if (!add_term() || !object(about)) return false;
  }
  if (reader_.failed()) return malformed();
  if (count == 0) return refuse("expects at least one filter");
  --depth_;
  return end(at);
}

inline bool Compiler::negated(About about) {
  const std::size_t at = begin(Op::kNot);
  return object(about) && end(at);
}

inline bool Compiler::path(std::string_view path) {
  if (!packed::is_valid_path(path)) return refuse("is no path: 1 to 512 bytes, no empty segment");
  const std::size_t at = begin(Op::kAt);
  const auto size = static_cast<std::uint16_t>(path.size());
  char raw[sizeof size];
  std::memcpy(raw, &size, sizeof size);
  out_->append(raw, sizeof raw).append(path);
  const bool has_tests = reader_.peek() == json::Kind::kObject;
  return (has_tests ? object(About::kValue) : any_value(Op::kEq)) && end(at);
}

inline bool Compiler::test(std::string_view name) {
  const detail::TestName* test = detail::find_test(name);
  const std::size_t at = test->is_negated ? begin(Op::kNot) : 0;
  bool ok = false;
  switch (test->op) {
    case Op::kEq:
    case Op::kContains:
      ok = any_value(test->op);
      break;
    case Op::kIn:
      ok = in_list();
      break;
    case Op::kPrefix:
    case Op::kLike:
    case Op::kIlike:
      ok = text_test(test->op);
      break;
    case Op::kExists:
    case Op::kIsNull:
      ok = flag(test->op);
      break;
    case Op::kAny:
    case Op::kAll:
      ok = elements(test->op);
      break;
    case Op::kAnd:
      ok = between();
      break;
    default:
      ok = bound(test->op);
      break;
  }
  return ok && (!test->is_negated || end(at));
}

inline bool Compiler::any_value(Op op) {
  const std::size_t at = begin(op);
  return encode_next(*out_) && end(at);
}

inline bool Compiler::bound(Op op) {
  const std::size_t at = begin(op);
  const std::size_t start = out_->size();
  if (!encode_next(*out_)) return false;
  const packed::Value value = packed::read_value(std::string_view(*out_).substr(start));
  if (value.is_container() || value.tag == packed::Tag::kNull) {
    return refuse("expects a number, string or boolean");
  }
  return end(at);
}

inline bool Compiler::between() {
  if (reader_.peek() != json::Kind::kArray) return refuse("expects [lower, upper]");
  const std::size_t at = begin(Op::kAnd);
  reader_.enter_array();
  std::string type_classes;
  for (int count = 0; reader_.next_element(); ++count) {
    if (count == 2) return refuse("expects [lower, upper]");
    const std::size_t start = out_->size() + 1 + sizeof(std::uint32_t);
    if (!bound(count == 0 ? Op::kGte : Op::kLte)) return false;
    const auto value = packed::read_value(std::string_view(*out_).substr(start));
    type_classes.push_back(static_cast<char>(packed::type_class(value)));
  }
  if (reader_.failed()) return malformed();
  if (type_classes.size() != 2) return refuse("expects [lower, upper]");
  if (type_classes[0] != type_classes[1]) return refuse("expects two values of one type");
  return end(at);
}

inline bool Compiler::in_list() {
  if (reader_.peek() != json::Kind::kArray) return refuse("expects an array of values");
  const std::size_t at = begin(Op::kIn);
  std::vector<std::string> values;
  reader_.enter_array();
  while (reader_.next_element()) {
    if (values.size() == kListMax) return refuse("has more than 1000 values");
    if (!encode_next(values.emplace_back())) return false;
  }
  if (reader_.failed()) return malformed();
  std::sort(values.begin(), values.end(), [](const std::string& a, const std::string& b) {
    return packed::compare_values(packed::read_value(a), packed::read_value(b)) < 0;
  });
  const auto append_u32 = [&](std::size_t number) {
    const auto stored = static_cast<std::uint32_t>(number);
    char raw[sizeof stored];
    std::memcpy(raw, &stored, sizeof stored);
    out_->append(raw, sizeof raw);
  };
  append_u32(values.size());
  std::size_t offset = 0;
  for (const std::string& value : values) {
    append_u32(offset);
    offset += value.size();
  }
  for (const std::string& value : values) out_->append(value);
  return end(at);
}

inline bool Compiler::text_test(Op op) {
  if (reader_.peek() != json::Kind::kString) return refuse("expects a string");
  json::RawString raw;
  if (!reader_.string(raw)) return malformed();
  std::string text = json::unescape(raw);
  if (op != Op::kPrefix && text.size() > kPatternBytesMax) {
    return refuse("has a pattern of more than 256 bytes");
  }
  if (op == Op::kIlike) std::transform(text.begin(), text.end(), text.begin(), fold);
  const std::size_t at = begin(op);
  out_->push_back(static_cast<char>(packed::Tag::kString));
  packed::append_sized(*out_, text);
  return end(at);
}

inline bool Compiler::flag(Op op) {
  bool value = false;
  if (reader_.peek() != json::Kind::kBool || !reader_.boolean(value)) {
    return refuse("expects true or false");
  }
  const std::size_t at = begin(op);
  out_->push_back(value ? '\x01' : '\x00');
  return end(at);
}

inline bool Compiler::elements(Op op) {
  const std::size_t at = begin(op);
  return object(About::kElement) && end(at);
}

inline std::size_t Compiler::begin(Op op) {
  out_->push_back(static_cast<char>(op));
  const std::size_t at = out_->size();
  out_->append(sizeof(std::uint32_t), '\0');
  return at;
}

inline bool Compiler::end(std::size_t at) {
  const auto size = static_cast<std::uint32_t>(out_->size() - at - sizeof(std::uint32_t));
  std::memcpy(out_->data() + at, &size, sizeof size);
  return true;
}

inline bool Compiler::add_term() {
  return ++terms_ <= kTermsMax || refuse("is more than 256 terms");
}

inline bool Compiler::encode_next(std::string& to) {
  std::string_view raw;
  if (!reader_.skip(raw)) return malformed();
  return encoder_.encode(raw, to) ||
         refuse(std::string("has a value that cannot be kept: ") + encoder_.error());
}

inline bool Compiler::refuse(std::string_view what) {
  constexpr std::size_t kPlaceBytesMax = 140;
  if (!error_.empty()) return false;
  std::string place = where_;
  if (place.size() > kPlaceBytesMax) {
    std::size_t cut = place.size() - kPlaceBytesMax;
    while ((static_cast<unsigned char>(place[cut]) & 0xC0U) == 0x80U) ++cut;
    place = "..." + place.substr(cut);
  }
  error_ = "'" + place + "' ";
  error_.append(what);
  return false;
}

inline bool Compiler::malformed() {
  return refuse(std::string("is not JSON: ") +
                (reader_.failed() ? reader_.error() : "text behind its end"));
}

}  // namespace stator::filter
