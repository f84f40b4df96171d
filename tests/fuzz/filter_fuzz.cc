// A filter's text through the compiler, and its program over a few documents. Oracle: no crash, a
// refusal has a sentence that fits an answer and leaves the output alone, and a filter and its
// negation never agree.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "stator/filter/compile.hpp"

namespace {

using namespace stator;

std::string compiled(std::string_view text) {
  std::string program;
  filter::Compiler compiler;
  if (!compiler.compile(text, program)) {
    if (compiler.error().empty() || compiler.error().size() > 256 || !program.empty()) std::abort();
  }
  return program;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view kDocuments[] = {
      "{}", R"({"a":1,"b":"text","c":[1,{"d":null}],"e":{"f":-0.5}})",
      R"({"a":[],"b":{},"c":null,"or":true})"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string program = compiled(text);
  if (program.empty()) return 0;
  const std::string negated = compiled("{\"not\":" + std::string(text) + "}");
  packed::Encoder encoder;
  for (const std::string_view document : kDocuments) {
    std::string stored;
    if (!encoder.encode(document, stored)) std::abort();
    const bool holds = filter::matches(program, packed::read_value(stored));
    // The negation may be one too deep, one too long or one term too many.
    if (!negated.empty() && filter::matches(negated, packed::read_value(stored)) == holds) {
      std::abort();
    }
  }
  return 0;
}
