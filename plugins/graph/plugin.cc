// The engine's descriptor, its start and its mutator. What is stored is drawn in README.md.
#include "stator/engine.hpp"

#include "graph_engine.h"
#include "ops/ops.h"
#include "stored_form.h"

namespace stator::graph {
namespace {

constexpr const Op<GraphEngine>* kOps[] = {
    &kEdgePut,  &kEdgeBatchPut, &kEdgeDelete, &kGraphNeighbors,
    &kGraphHop, &kGraphPath,    &kGraphStats, &kGraphRagFusion,
};

// Some 100 microseconds, but for hubs.
constexpr std::size_t kForgottenAtOnce = 500;

[[noreturn]] void refuse(const char* what, const StoredEntry& entry) {
  throw OpenError(std::string("graph: ") + what + " of tenant " + std::to_string(entry.tenant) +
                  ", collection '" + std::string(entry.collection) + "' is damaged");
}

// The name's number; a name without one gets it, and the store hears of it.
Number intern(Names& names, std::string_view name, std::uint8_t space, const Record& record,
              KvWriter& kv) {
  const std::size_t size = names.size();
  const Number number = names.intern(name);
  if (names.size() != size) kv.put(space, record.vshard(), name, encode_number(number));
  return number;
}

json::Writer begin_edge(ChangeValue& value, const EdgeNames& edge) {
  json::Writer json = value.json();
  json.begin_object()
      .field("from_node", edge.from)
      .field("edge_type", edge.label)
      .field("to_node", edge.to);
  return json;
}

}  // namespace

EngineDescription<GraphEngine> GraphEngine::describe() {
  return {.id = "graph",
          .version = "0.1.0",
          .vendor = "Stator",
          .doc = "Property graphs: edges, walks, shortest paths, fusion with vector search.",
          .ops = kOps};
}

std::unique_ptr<GraphEngine> GraphEngine::open(const Open& open) {
  auto engine = std::make_unique<GraphEngine>();
  open.visit_all(kSpaceNodes, [&](const StoredEntry& entry) {
    const auto number = decode_number(entry.value);
    Names& nodes = engine->graph_of(entry.tenant, entry.collection).nodes();
    if (!number || !nodes.restore(entry.key, *number)) refuse("a node's number", entry);
  });
  open.visit_all(kSpaceLabels, [&](const StoredEntry& entry) {
    const auto number = decode_number(entry.value);
    Names& labels = engine->graph_of(entry.tenant, entry.collection).labels();
    if (!number || !labels.restore(entry.key, *number)) refuse("a label's number", entry);
  });
  for (auto& [key, graph] : engine->graphs_) {
    if (!graph.nodes().finish_restore() || !graph.labels().finish_restore()) {
      refuse("the numbering", {key.first, key.second, 0, {}, {}});
    }
  }
  open.visit_all(kSpaceEdges, [&](const StoredEntry& entry) {
    const auto edge = decode_edge_key(entry.key);
    Graph& graph = engine->graph_of(entry.tenant, entry.collection);
    const bool is_valid = edge && edge->from < graph.nodes().size() &&
                          edge->to < graph.nodes().size() && edge->label < graph.labels().size() &&
                          decode_edge_value(entry.value);
    if (!is_valid || !graph.put(*edge)) refuse("an edge", entry);
  });
  return engine;
}

const Graph& GraphEngine::graph(const Request& request) const {
  const auto found = graphs_.find(std::pair(request.tenant(), request.collection()));
  return found == graphs_.end() ? empty_ : found->second;
}

Graph& GraphEngine::graph_of(std::uint32_t tenant, std::string_view collection) {
  const auto found = graphs_.find(std::pair(tenant, collection));
  if (found != graphs_.end()) return found->second;
  return graphs_.try_emplace(Key(tenant, collection)).first->second;
}

void GraphEngine::apply(const Record& record, KvWriter& kv) {
  switch (record.type()) {
    case kRecordPut:
      return put(record, kv);
    case kRecordDelete:
      return erase(record, kv);
    default:
      throw std::runtime_error("graph: record of unknown type");
  }
}

bool GraphEngine::forget(std::uint32_t tenant) {
  const auto found = graphs_.lower_bound(std::pair(tenant, std::string_view()));
  if (found == graphs_.end() || found->first.first != tenant) return false;
  if (!found->second.shrink(kForgottenAtOnce)) graphs_.erase(found);
  return true;
}

Change GraphEngine::describe_change(std::uint32_t type, std::string_view payload,
                                    ChangeValue& value) {
  if (type == kRecordDelete) {
    const auto edge = decode_delete(payload);
    if (!edge) throw std::runtime_error("graph: damaged record");
    if (value.is_wanted()) begin_edge(value, *edge).end_object();
    return {"delete", edge->from};
  }
  const auto decoded = decode_put(payload);
  if (type != kRecordPut || !decoded) throw std::runtime_error("graph: damaged record");
  if (value.is_wanted()) {
    json::Writer json = begin_edge(value, decoded->edge);
    json.field("weight", decoded->value.weight);
    if (!decoded->value.properties.empty()) json.key("properties").raw(decoded->value.properties);
    json.end_object();
  }
  return {"put", decoded->edge.from};
}

void GraphEngine::put(const Record& record, KvWriter& kv) {
  const auto decoded = decode_put(record.payload());
  if (!decoded) throw std::runtime_error("graph: damaged record");
  Graph& graph = graph_of(record.tenant(), record.collection());
  Edge edge{};
  edge.from = intern(graph.nodes(), decoded->edge.from, kSpaceNodes, record, kv);
  edge.to = intern(graph.nodes(), decoded->edge.to, kSpaceNodes, record, kv);
  edge.label = intern(graph.labels(), decoded->edge.label, kSpaceLabels, record, kv);
  graph.put(edge);
  kv.put(kSpaceEdges, record.vshard(), encode_edge_key(edge), encode_edge_value(decoded->value));
}

void GraphEngine::erase(const Record& record, KvWriter& kv) {
  const auto names = decode_delete(record.payload());
  if (!names) throw std::runtime_error("graph: damaged record");
  Graph& graph = graph_of(record.tenant(), record.collection());
  const auto edge = graph.find(*names);
  if (!edge) return;
  graph.erase(*edge);
  kv.erase(kSpaceEdges, encode_edge_key(*edge));
}

}  // namespace stator::graph

STATOR_ENGINE_NOTE("graph", "0.1.0")
STATOR_DEFINE_ENGINE(stator::graph::GraphEngine)
