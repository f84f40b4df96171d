#include "plugin/conformance.h"

#include <charconv>
#include <system_error>

#include "stator/json_reader.hpp"

namespace stator::plugin {

Result<Conformance> parse_conformance(std::string_view text) {
  Conformance made;
  bool has_level = false;
  json::Reader reader(text);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view token;
    json::RawString value;
    if (json::equals(key, "level") && reader.number(token)) {
      const auto [end, fault] =
          std::from_chars(token.data(), token.data() + token.size(), made.level);
      has_level = fault == std::errc() && end == token.data() + token.size();
    } else if (json::equals(key, "sha256") && reader.string(value)) {
      made.sha256 = json::unescape(value);
    } else {
      reader.skip(token);
    }
  }
  if (!reader.at_end() || !has_level || made.sha256.empty()) {
    return Error(ErrorCode::kBadRequest,
                 "is not what `stator-plugin-check LIBRARY --conformance FILE` writes");
  }
  return made;
}

}  // namespace stator::plugin
