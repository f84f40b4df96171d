#include "index/index_catalog.h"

#include <algorithm>

namespace stator::document {
namespace {

bool is_before(const IndexDefinition& index, std::string_view name) { return index.name < name; }

}  // namespace

const IndexDefinitions& IndexCatalog::of(std::uint32_t tenant, std::string_view collection) const {
  static const IndexDefinitions kNone;
  const auto collections = tenants_.find(tenant);
  if (collections == tenants_.end()) return kNone;
  const auto found = collections->second.find(collection);
  return found == collections->second.end() ? kNone : found->second;
}

const IndexDefinition* IndexCatalog::find(std::uint32_t tenant, std::string_view collection,
                                          std::string_view name) const {
  const IndexDefinitions& known = of(tenant, collection);
  const auto at = std::lower_bound(known.begin(), known.end(), name, is_before);
  return at != known.end() && at->name == name ? &*at : nullptr;
}

IndexDefinition* IndexCatalog::find_mutable(std::uint32_t tenant, std::string_view collection,
                                            std::string_view name) {
  return const_cast<IndexDefinition*>(find(tenant, collection, name));
}

const IndexDefinition* IndexCatalog::find_order(std::uint32_t tenant, std::string_view collection,
                                                std::string_view path) const {
  for (const IndexDefinition& index : of(tenant, collection)) {
    if (index.is_ready() && index.gives_order_of(path)) return &index;
  }
  return nullptr;
}

void IndexCatalog::add(std::uint32_t tenant, std::string_view collection, IndexDefinition index) {
  IndexDefinitions& known = tenants_[tenant][std::string(collection)];
  ttl_count_ += index.is_ttl() ? 1U : 0U;
  const auto at = std::lower_bound(known.begin(), known.end(), index.name, is_before);
  if (at != known.end() && at->name == index.name) {
    ttl_count_ -= at->is_ttl() ? 1U : 0U;
    *at = std::move(index);
  } else {
    known.insert(at, std::move(index));
  }
}

void IndexCatalog::forget(std::uint32_t tenant) {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return;
  for (const auto& [collection, indexes] : found->second)
    for (const IndexDefinition& index : indexes) ttl_count_ -= index.is_ttl() ? 1U : 0U;
  tenants_.erase(found);
}

void IndexCatalog::remove(std::uint32_t tenant, std::string_view collection,
                          std::string_view name) {
  IndexDefinitions& known = tenants_[tenant][std::string(collection)];
  std::erase_if(known, [&](const IndexDefinition& index) {
    if (index.name != name) return false;
    ttl_count_ -= index.is_ttl() ? 1U : 0U;
    return true;
  });
}

}  // namespace stator::document
