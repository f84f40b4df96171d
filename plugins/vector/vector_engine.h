// The vector engine: nearest neighbours among the vectors of a collection, found exactly.
//
// One instance a lane; all ops are placed by collection, so a collection lives in one instance.
// Ops (ops/) read it through find(); apply is the only mutator.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "stator/engine.hpp"

#include "collection/collection.h"

namespace stator::vector {

class VectorEngine {
 public:
  static EngineDescription<VectorEngine> describe();
  static std::unique_ptr<VectorEngine> open(const Open& open);
  void apply(const Record& record, KvWriter& kv);
  // Frees some vectors of a tenant that was dropped; false if there were none.
  bool forget(std::uint32_t tenant);
  // A put has the value {"vector":[…],"payload":{…}}, as they were given; the latter if there is
  // one.
  static Change describe_change(std::uint32_t type, std::string_view payload, ChangeValue& value);

  // The collection, or nullptr if no vector was ever put into it. Lasts until the next write.
  const Collection* find(std::uint32_t tenant, std::string_view collection) const;

 private:
  using Key = std::pair<std::uint32_t, std::string>;  // tenant, collection
  struct KeyLess {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      if (a.first != b.first) return a.first < b.first;
      return std::string_view(a.second) < std::string_view(b.second);
    }
  };

  void put(const Record& record, KvWriter& kv);
  void erase(const Record& record, KvWriter& kv);
  Collection* find_mutable(std::uint32_t tenant, std::string_view collection);

  std::map<Key, Collection, KeyLess> collections_;
};

}  // namespace stator::vector
