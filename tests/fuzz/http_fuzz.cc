// Bytes of a stream through the reader of HTTP requests. Oracle: how they are cut changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "control/http/request_reader.h"

namespace {

using stator::http::RequestReader;
using State = RequestReader::State;

struct Outcome {
  State state;
  std::string target;
  std::size_t fields;
  std::string body;
  std::size_t left;

  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view input, std::size_t step) {
  RequestReader reader;
  std::string waiting;
  std::size_t given = 0;
  const auto is_over = [&] {
    return reader.state() == State::kDone || reader.state() == State::kBroken;
  };
  while (given < input.size() && !is_over()) {
    waiting += input.substr(given, step);
    given += std::min(step, input.size() - given);
    for (std::size_t taken = 1; taken > 0 && !is_over();) {
      const bool was_head = reader.state() == State::kHead;
      taken = reader.put(waiting);
      if (taken > waiting.size()) std::abort();
      waiting.erase(0, taken);
      if (was_head && reader.state() == State::kBody) {
        reader.set_body_limit(4096);
        taken = 1;
      }
    }
  }
  if (reader.body().size() > 4096) std::abort();
  // Of what is refused, only that it is; where it was noticed may differ.
  if (reader.state() == State::kBroken) return {State::kBroken, {}, 0, {}, 0};
  const bool is_read = reader.state() == State::kDone;
  return {reader.state(), reader.head().target, is_read ? reader.head().fields.size() : 0,
          std::string(reader.body()), is_read ? waiting.size() + input.size() - given : 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // The limits count what lies there: far below them, cuts must not matter.
  if (size > 4096) return 0;
  const Outcome whole = read(input, size + 1);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
    const Outcome cut = read(input, step);
    if (whole.state == State::kDone && !(cut == whole)) std::abort();
    if (cut.state == State::kDone && whole.state != State::kDone) std::abort();
  }
  return 0;
}
