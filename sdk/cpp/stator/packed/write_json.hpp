// Stored form -> JSON text. Allocates nothing; recursion is bounded by json::kDepthMax.
#pragma once

#include "stator/json_writer.hpp"
#include "stator/packed/value.hpp"

namespace stator::packed {

void write_json(json::Writer& writer, const Value& value);

namespace detail {

inline void write_array(json::Writer& writer, const Value& array) {
  writer.begin_array();
  Elements elements(array);
  for (Value element; elements.next(element);) write_json(writer, element);
  writer.end_array();
}

inline void write_object(json::Writer& writer, const Value& object) {
  writer.begin_object();
  Members members(object);
  std::string_view key;
  for (Value value; members.next(key, value);) {
    writer.key(key);
    write_json(writer, value);
  }
  writer.end_object();
}

}  // namespace detail

inline void write_json(json::Writer& writer, const Value& value) {
  switch (value.tag) {
    case Tag::kNull:
      writer.null();
      break;
    case Tag::kFalse:
      writer.boolean(false);
      break;
    case Tag::kTrue:
      writer.boolean(true);
      break;
    case Tag::kInteger:
      writer.number(value.integer());
      break;
    case Tag::kUnsigned:
      writer.number(value.bits);
      break;
    case Tag::kDouble:
      writer.number(value.floating());
      break;
    case Tag::kDecimal:
      writer.raw(value.content);
      break;
    case Tag::kString:
      writer.string(value.content);
      break;
    case Tag::kArray:
      detail::write_array(writer, value);
      break;
    case Tag::kObject:
      detail::write_object(writer, value);
      break;
  }
}

}  // namespace stator::packed
