// The rows this engine brings for the op table; one file each.
#pragma once

#include "stator/engine.hpp"

#include "graph_engine.h"

namespace stator::graph {

extern const Op<GraphEngine> kEdgePut;
extern const Op<GraphEngine> kEdgeBatchPut;
extern const Op<GraphEngine> kEdgeDelete;
extern const Op<GraphEngine> kGraphNeighbors;
extern const Op<GraphEngine> kGraphHop;
extern const Op<GraphEngine> kGraphPath;
extern const Op<GraphEngine> kGraphStats;
extern const Op<GraphEngine> kGraphRagFusion;

}  // namespace stator::graph
