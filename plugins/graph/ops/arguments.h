// Arguments and checks that several ops share.
#pragma once

#include <cstddef>

#include "stator/engine.hpp"

#include "adjacency/graph.h"
#include "stored_form.h"

namespace stator::graph {

// The first three arguments of whatever names an edge.
enum EdgeArg : std::size_t { kFromNode, kToNode, kEdgeType };
inline constexpr stator_arg kFromNodeArg =
    make_arg(STATOR_ARG_STR, "from_node", "The node the edge leaves.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kNodeIdBytesMax, .alias = "src"});
inline constexpr stator_arg kToNodeArg =
    make_arg(STATOR_ARG_STR, "to_node", "The node the edge enters.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kNodeIdBytesMax, .alias = "dst"});
inline constexpr stator_arg kEdgeTypeArg =
    make_arg(STATOR_ARG_STR, "edge_type", "The edge's label.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kLabelBytesMax, .alias = "label"});

// What an edge carries: the fourth and fifth argument of edge_put and of a batch's rows.
enum EdgeValueArg : std::size_t { kWeight = 3, kProperties };
inline constexpr stator_arg kWeightArg =
    make_arg(STATOR_ARG_F64, "weight", "The edge's weight.", {.default_json = "1.0"});
inline constexpr stator_arg kPropertiesArg = make_arg(
    STATOR_ARG_JSON, "properties", "What else is known of the edge: a JSON object.",
    {.flags = STATOR_ARG_JSON_OBJECT | STATOR_ARG_NULLABLE, .min = 0, .max = kPropertiesBytesMax});

// Which edges a walk follows.
inline constexpr const char* kDirectionNames[] = {"out", "in", "both"};
inline constexpr stator_arg kEdgeLabelArg = make_arg(
    STATOR_ARG_STR, "edge_label", "Only edges of this label; one that no edge has matches none.",
    {.flags = STATOR_ARG_NULLABLE, .min = 1, .max = kLabelBytesMax});
inline constexpr stator_arg kDirectionArg =
    make_enum("direction", "Follow edges as they point, against it, or both ways.", kDirectionNames,
              {.default_json = "\"out\""});

struct FilterArgs {
  std::size_t edge_label;
  std::size_t direction;
};
EdgeFilter filter_of(const Graph& graph, const Args& args, const FilterArgs& at);

// Of arguments that begin with EdgeArg, or are edge_put's.
EdgeNames edge_of(const Args& args);
PutRecord put_record_of(const Args& args);

// Refuses more edges than their names can be numbered.
Status check_room(const Graph& graph, std::size_t more_edges, Reply& reply);

Status fail_interrupted(Reply& reply);

}  // namespace stator::graph
