#include "index/index_catalog.h"

#include <algorithm>

namespace stator::document {

const std::vector<std::string>& IndexCatalog::paths(std::uint32_t tenant,
                                                    std::string_view collection) const {
  static const std::vector<std::string> kNone;
  const auto collections = tenants_.find(tenant);
  if (collections == tenants_.end()) return kNone;
  const auto found = collections->second.find(collection);
  return found == collections->second.end() ? kNone : found->second;
}

bool IndexCatalog::contains(std::uint32_t tenant, std::string_view collection,
                            std::string_view path) const {
  const auto& known = paths(tenant, collection);
  return std::binary_search(known.begin(), known.end(), path);
}

void IndexCatalog::add(std::uint32_t tenant, std::string_view collection, std::string_view path) {
  auto& paths = tenants_[tenant][std::string(collection)];
  const auto at = std::lower_bound(paths.begin(), paths.end(), path);
  if (at == paths.end() || *at != path) paths.emplace(at, path);
}

}  // namespace stator::document
