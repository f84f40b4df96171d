#include "control/auth/collection_engines.h"

#include <array>
#include <cstring>

#include "base/bytes.h"
#include "system/stored_form.h"

namespace stator::auth {

std::string_view CollectionEngines::engine_of(TenantId tenant, std::string_view collection) const {
  std::array<char, 4 + system::kCollectionNameBytesMax>
      key;  // as collection_key makes it, not on the heap
  if (engines_.empty() || collection.size() > system::kCollectionNameBytesMax) return {};
  store_big32(key.data(), tenant.value());
  std::memcpy(key.data() + 4, collection.data(), collection.size());
  const auto it = engines_.find(std::string_view(key.data(), 4 + collection.size()));
  return it == engines_.end() ? std::string_view() : std::string_view(it->second);
}

}  // namespace stator::auth
