#include "work/build_range.h"

#include <cstring>
#include <stdexcept>

namespace stator::document {
namespace {

template <class Number>
void append_number(std::string& to, Number number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  to.append(raw, sizeof raw);
}

std::string_view take(std::string_view& rest, std::size_t size) {
  if (size > rest.size()) throw std::runtime_error("a record of an index that is built is cut");
  const std::string_view taken = rest.substr(0, size);
  rest.remove_prefix(size);
  return taken;
}

template <class Number>
Number take_number(std::string_view& rest) {
  Number number{};
  std::memcpy(&number, take(rest, sizeof number).data(), sizeof number);
  return number;
}

}  // namespace

std::string build_record(const BuildRange& range) {
  std::string record;
  append_number(record, static_cast<std::uint8_t>(range.name.size()));
  record.append(range.name);
  append_number(record, range.documents);
  append_number(record, static_cast<std::uint16_t>(range.from.size()));
  return record.append(range.from).append(range.to);
}

BuildRange read_build_record(std::string_view payload) {
  BuildRange range;
  range.name = take(payload, take_number<std::uint8_t>(payload));
  range.documents = take_number<std::uint32_t>(payload);
  range.from = take(payload, take_number<std::uint16_t>(payload));
  range.to = payload;
  return range;
}

}  // namespace stator::document
