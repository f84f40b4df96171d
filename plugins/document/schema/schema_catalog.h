// The schemas of all collections. Derived from the store (Space::kSchemas), which every lane keeps;
// rebuilt in open. Owned by the engine's instance.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "schema/schema.h"

namespace stator::document {

class SchemaCatalog {
 public:
  // Null for a collection without one.
  const Schema* of(std::uint32_t tenant, std::string_view collection) const {
    if (schemas_.empty()) return nullptr;
    const auto found = schemas_.find({tenant, std::string(collection)});
    return found == schemas_.end() ? nullptr : found->second.get();
  }
  // Null removes it.
  void set(std::uint32_t tenant, std::string_view collection, std::unique_ptr<Schema> schema) {
    if (schema == nullptr) {
      schemas_.erase({tenant, std::string(collection)});
    } else {
      schemas_[{tenant, std::string(collection)}] = std::move(schema);
    }
  }
  void forget(std::uint32_t tenant) {
    std::erase_if(schemas_, [&](const auto& entry) { return entry.first.first == tenant; });
  }

 private:
  std::map<std::pair<std::uint32_t, std::string>, std::unique_ptr<Schema>> schemas_;
};

}  // namespace stator::document
