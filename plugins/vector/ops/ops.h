// The rows this engine brings for the op table; one file each.
#pragma once

#include "stator/engine.hpp"

#include "vector_engine.h"

namespace stator::vector {

extern const Op<VectorEngine> kVectorUpsert;
extern const Op<VectorEngine> kVectorBatchUpsert;
extern const Op<VectorEngine> kVectorDelete;
extern const Op<VectorEngine> kVectorSearch;
extern const Op<VectorEngine> kVectorGet;
extern const Op<VectorEngine> kVectorStats;

}  // namespace stator::vector
