// The first line is a JSON Schema, the rest a document. Oracle: no crash; a refusal has a sentence;
// a document that is refused has the rule; and `not`, `allOf`, `anyOf`, `oneOf` of one schema say
// what it says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "schema/schema.h"

namespace {

using namespace stator;

bool is_valid(const document::Schema& schema, const std::string& stored) {
  document::SchemaFault fault;
  const bool valid = schema.check(packed::read_value(stored), fault);
  if (!valid && *fault.rule == '\0') std::abort();
  return valid;
}

std::unique_ptr<document::Schema> compiled(std::string_view text) {
  std::string error;
  auto schema = document::Schema::compile(text, error);
  if ((schema == nullptr) == error.empty()) std::abort();
  return schema;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string text(input.substr(0, input.find('\n')));
  if (text.size() > document::kSchemaBytesMax) return 0;
  const auto schema = compiled(text);
  std::string stored;
  packed::Encoder encoder;
  const bool has_document =
      text.size() < size && encoder.encode(input.substr(text.size() + 1), stored);
  if (schema == nullptr || !has_document) return 0;
  const bool valid = is_valid(*schema, stored);
  const struct {
    const char* before;
    const char* after;
    bool same;
  } kAround[] = {{"{\"not\":", "}", false},
                 {"{\"allOf\":[", "]}", true},
                 {"{\"anyOf\":[", "]}", true},
                 {"{\"oneOf\":[", "]}", true},
                 {"{\"oneOf\":[false,", "]}", true}};
  for (const auto& around : kAround) {
    // What is around it may make it too deep, or one term too many.
    const auto outer = compiled(around.before + text + around.after);
    if (outer != nullptr && (is_valid(*outer, stored) == valid) != around.same) std::abort();
  }
  return 0;
}
