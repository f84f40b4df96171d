// Two Yjs updates: a byte with the first one's length, the first, the second. Oracle: no crash;
// what is decoded can be applied; the state is an update that gives the same document; and to apply
// again what is there changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "codec/update_merge.h"
#include "doc/document.h"
#include "doc/json_view.h"

namespace {

using namespace stator;

std::string json_of(const crdt::Document& document) {
  json::StringOut text;
  json::Writer out(text);
  if (crdt::JsonView(document.store(), {}).write(out) != crdt::ViewResult::kDone) return "refused";
  return text.take();
}

bool apply(std::string_view bytes, crdt::Document& document,
           const crdt::DecodeBudget& budget = {}) {
  crdt::Update update;
  const crdt::DecodeResult decoded = crdt::decode_update(bytes, update, budget);
  if (decoded.fault != crdt::DecodeFault::kNone) {
    if (*decoded.why == '\0') std::abort();
    return false;
  }
  document.apply(update);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view first = input.substr(0, data[0]);
  const std::string_view second = input.substr(first.size());
  crdt::Document document;
  if (!apply(first, document)) return 0;
  const bool both = apply(second, document);
  const std::string state = document.encode_state();
  const std::string json = json_of(document);

  crdt::Document loaded;
  if (!apply(state, loaded, crdt::kNoBudget)) std::abort();
  if (loaded.encode_state_vector() != document.encode_state_vector()) std::abort();
  if (loaded.has_pending() != document.has_pending()) std::abort();
  if (!apply(first, document) || apply(second, document) != both) std::abort();
  if (document.encode_state() != state || json_of(document) != json) std::abort();
  return 0;
}
