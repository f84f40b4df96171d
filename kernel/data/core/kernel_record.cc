#include "data/core/kernel_record.h"

#include "data/host/call_context.h"

namespace stator::core {

std::string encode_engine_number(EngineNumber number, ByteView id) {
  std::string out;
  append_little(out, number.value());
  out.append(id);
  return out;
}

std::optional<std::pair<EngineNumber, std::string>> decode_engine_number(ByteView payload) {
  if (payload.size() < 3) return std::nullopt;
  return std::pair{EngineNumber{load_little<std::uint16_t>(payload.data())},
                   std::string(payload.substr(2))};
}

std::string engine_number_prefix() {
  char prefix[store::kPrefixBytesMax];
  std::string out(prefix, store::write_prefix(prefix, kKernelEngine, TenantId{0}, {}));
  out.push_back(static_cast<char>(kSpaceEngineNumber));
  return out;
}

std::string engine_number_key(ByteView id) { return engine_number_prefix().append(id); }

void each_engine_number(store::Store& store, const std::function<void(EngineNumber, ByteView id)>& visit) {
  const std::string prefix = engine_number_prefix();
  std::string end = prefix;
  ++end.back();
  const auto walk = store.walk({prefix, end, false});
  for (store::Entry entry; walk->next(entry);) {
    if (const auto known = decode_engine_number(entry.value)) visit(known->first, known->second);
  }
}

}  // namespace stator::core
