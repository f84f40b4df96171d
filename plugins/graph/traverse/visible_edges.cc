#include "traverse/visible_edges.h"

#include "stored_form.h"

namespace stator::graph {
namespace {

// In steps of a walk: a look into the store and a policy; and reading properties.
constexpr std::size_t kStepsPerRow = 16;
constexpr std::size_t kBytesPerStep = 64;

}  // namespace

std::optional<std::string_view> VisibleEdges::stored_properties(const Edge& edge) const {
  std::string_view stored;
  if (!kv_.get(kSpaceEdges, encode_edge_key(edge), stored)) return std::nullopt;
  const auto value = decode_edge_value(stored);
  if (!value) return std::nullopt;
  return value->properties;
}

std::size_t VisibleEdges::cost_of(std::string_view properties) const {
  return is_bound() ? kStepsPerRow + properties.size() / kBytesPerStep : 0;
}

bool VisibleEdges::pack(std::string_view properties) {
  row_.clear();
  return encoder_.encode(properties.empty() ? "{}" : properties, row_);
}

bool VisibleEdges::shows_stored(const Edge& edge, InterruptCheck& interrupt) {
  const auto properties = stored_properties(edge);
  if (!properties) return false;
  interrupt.spend(cost_of(*properties));
  return shows(*properties);
}

bool VisibleEdges::shows_node(const Graph& graph, Number node, InterruptCheck& interrupt) {
  if (!is_bound()) return true;
  bool is_found = false;
  EdgeFilter any;
  any.direction = Direction::kBoth;
  graph.visit_neighbors(node, any, [&](Number, const Edge& edge) {
    if (interrupt.is_interrupted()) return false;
    is_found = shows_stored(edge, interrupt);
    return !is_found;
  });
  return is_found;
}

Status VisibleEdges::check_write(const std::optional<Edge>& stored,
                                 std::optional<std::string_view> properties) {
  if (!is_bound()) return STATOR_OK;
  if (stored) {
    const auto old = stored_properties(*stored);
    if (!old || !pack(*old) || !rows_.is_visible(row_) || !rows_.may_write(row_)) {
      return rows_.refuse();
    }
  }
  if (properties && !(pack(*properties) && rows_.may_write(row_))) return rows_.refuse();
  return STATOR_OK;
}

}  // namespace stator::graph
