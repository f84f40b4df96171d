// The graph engine: a property graph per (tenant, collection), and walks on it.
//
// One instance a lane; all ops are placed by collection, so a graph lives in one instance. Ops
// (ops/) read it through graph(); apply is the only mutator.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "stator/engine.hpp"

#include "adjacency/graph.h"

namespace stator::graph {

class GraphEngine {
 public:
  static EngineDescription<GraphEngine> describe();
  static std::unique_ptr<GraphEngine> open(const Open& open);
  void apply(const Record& record, KvWriter& kv);
  // Frees some nodes of a tenant that was dropped; false if there were none.
  bool forget(std::uint32_t tenant);
  // The key is the node that the edge leaves; the value names the edge, also of a delete.
  static Change describe_change(std::uint32_t type, std::string_view payload, ChangeValue& value);

  // The request's graph; one without nodes if nothing was ever put. Lasts until the next write.
  const Graph& graph(const Request& request) const;

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
  // Makes it if need be.
  Graph& graph_of(std::uint32_t tenant, std::string_view collection);

  std::map<Key, Graph, KeyLess> graphs_;
  Graph empty_;
};

}  // namespace stator::graph
