// Which paths of which collections are indexed. Derived from the definitions in the store
// (Space::kIndexes), which every lane keeps; rebuilt in open. Owned by the engine's instance.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stator::document {

// Each index costs every write of its collection a key.
inline constexpr std::size_t kIndexesPerCollectionMax = 64;

class IndexCatalog {
 public:
  // In bytewise order; empty for a collection without indexes.
  const std::vector<std::string>& paths(std::uint32_t tenant, std::string_view collection) const;
  bool contains(std::uint32_t tenant, std::string_view collection, std::string_view path) const;
  // Does nothing if the index is known.
  void add(std::uint32_t tenant, std::string_view collection, std::string_view path);

 private:
  using Collections = std::map<std::string, std::vector<std::string>, std::less<>>;
  std::map<std::uint32_t, Collections> tenants_;
};

}  // namespace stator::document
