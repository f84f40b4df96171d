// The first line is a path, the rest a JSON text. Oracle: no crash; what is kept as packed JSON is
// written as JSON that packs to the same bytes (of a text in UTF-8, which the kernel checks); a
// value that is found lies inside the document; bytes that are no packed JSON are read without
// leaving them, and those that pass for it are compared and written as what was packed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "stator/packed/check.hpp"
#include "stator/packed/encode.hpp"
#include "stator/packed/order.hpp"
#include "stator/packed/path.hpp"
#include "stator/packed/write_json.hpp"

namespace {

using namespace stator;

void look_up(std::string_view stored, std::string_view path) {
  packed::Value found;
  if (!packed::is_valid_path(path)) return;
  if (!packed::find_path(packed::read_value(stored), path, found)) return;
  if (found.bytes.data() < stored.data() ||
      found.bytes.data() + found.bytes.size() > stored.data() + stored.size()) {
    std::abort();
  }
}

// Beside values of each type of number.
void use_if_good(std::string_view bytes) {
  packed::Value value;
  if (!packed::take_checked(bytes, value)) return;
  packed::Encoder encoder;
  for (const char* text :
       {"1", "18446744073709551615", "0.1", "12345678901234567890123", "[0.5]"}) {
    std::string stored;
    if (!encoder.encode(text, stored)) std::abort();
    const packed::Value other = packed::read_value(stored);
    const bool is_above = packed::compare_values(value, other) > 0;
    if (is_above != (packed::compare_values(other, value) < 0)) std::abort();
  }
  json::StringOut out;
  json::Writer writer(out);
  packed::write_json(writer, value);
}

bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = json::detail::utf8_length(bytes + i, text.size() - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view path = input.substr(0, line);
  const std::string_view text = input.substr(line + 1);
  look_up(text, path);
  use_if_good(text);
  std::string stored;
  packed::Encoder encoder;
  if (!encoder.encode(text, stored)) return *encoder.error() == '\0' ? (std::abort(), 0) : 0;
  look_up(stored, path);
  packed::Value checked;
  std::string_view rest = stored;
  if (!packed::take_checked(rest, checked) || !rest.empty()) std::abort();
  if (!is_utf8(text)) return 0;
  json::StringOut out;
  json::Writer writer(out);
  packed::write_json(writer, packed::read_value(stored));
  std::string again;
  if (!encoder.encode(out.view(), again) ||
      packed::compare_values(packed::read_value(stored), packed::read_value(again)) != 0) {
    std::abort();
  }
  return 0;
}
