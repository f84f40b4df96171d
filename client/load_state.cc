#include "load_state.h"

#include <fstream>
#include <iterator>

#include "stator/json_writer.hpp"

#include "failure.h"
#include "json_value.h"
#include "out_file.h"

namespace stator::client {
namespace {

constexpr std::uint64_t kVersion = 1;

std::uint64_t number_of(const JsonValue& state, std::string_view name, bool& is_good) {
  std::uint64_t number = 0;
  is_good =
      state[name].is(json::Kind::kNumber) && json::to_integer(state[name].text, number) && is_good;
  return number;
}

}  // namespace

std::optional<LoadState> read_load_state(const std::string& path) {
  std::ifstream file(path);
  if (!file) return {};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  JsonValue json;
  bool is_good = parse_json(text, json);
  const std::uint64_t version = number_of(json, "stator_load", is_good);
  LoadState state;
  state.collection = json["collection"].text;
  state.format = json["format"].text;
  state.id_field = json["id_field"].text;
  state.offset = number_of(json, "offset", is_good);
  state.lines = number_of(json, "lines", is_good);
  state.sha256 = json["sha256"].text;
  state.documents = number_of(json, "documents", is_good);
  state.rejected = number_of(json, "rejected", is_good);
  state.reject_bytes = number_of(json, "reject_bytes", is_good);
  if (is_good && version == kVersion) return state;
  throw Failure(kExitUsage, "'" + path +
                                "' is not the state of a load; without it the load begins anew, "
                                "which writes no document twice");
}

void write_load_state(const std::string& path, const LoadState& state) {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("stator_load", kVersion)
      .field("collection", std::string_view(state.collection))
      .field("format", std::string_view(state.format))
      .field("id_field", std::string_view(state.id_field))
      .field("offset", state.offset)
      .field("lines", state.lines)
      .field("sha256", std::string_view(state.sha256))
      .field("documents", state.documents)
      .field("rejected", state.rejected)
      .field("reject_bytes", state.reject_bytes)
      .end_object();
  OutFile file(path);
  file.write(out.view());
  file.write("\n");
  file.finish();
}

}  // namespace stator::client
