// The indexes of all collections. Derived from the definitions in the store (Space::kIndexes),
// which every lane keeps; rebuilt in open. Owned by the engine's instance.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "index/definition.h"

namespace stator::document {

// Each index costs every write of its collection a key.
inline constexpr std::size_t kIndexesPerCollectionMax = 64;
// Of these. A sweep has a cursor on each, and a call has 16.
inline constexpr std::size_t kTtlIndexesPerCollectionMax = 8;

using IndexDefinitions = std::vector<IndexDefinition>;

class IndexCatalog {
 public:
  // In bytewise order of their names; empty for a collection without indexes.
  const IndexDefinitions& of(std::uint32_t tenant, std::string_view collection) const;
  // Null if there is none of that name.
  const IndexDefinition* find(std::uint32_t tenant, std::string_view collection,
                              std::string_view name) const;
  // To change its state; null if there is none of that name.
  IndexDefinition* find_mutable(std::uint32_t tenant, std::string_view collection,
                                std::string_view name);
  // One that is ready and gives the order of all values at the path, or null.
  const IndexDefinition* find_order(std::uint32_t tenant, std::string_view collection,
                                    std::string_view path) const;
  // Replaces one of the same name.
  void add(std::uint32_t tenant, std::string_view collection, IndexDefinition index);
  // Any collection has a TTL index: a cheap question that spares most servers the others.
  bool has_ttl() const { return ttl_count_ > 0; }
  void forget(std::uint32_t tenant);
  void remove(std::uint32_t tenant, std::string_view collection, std::string_view name);

 private:
  using Collections = std::map<std::string, IndexDefinitions, std::less<>>;
  std::map<std::uint32_t, Collections> tenants_;
  std::size_t ttl_count_ = 0;
};

}  // namespace stator::document
