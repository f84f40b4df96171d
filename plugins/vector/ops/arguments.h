// Arguments and checks that several ops share.
#pragma once

#include <cstddef>

#include "stator/engine.hpp"

#include "collection/collection.h"
#include "stored_form.h"

namespace stator::vector {

inline constexpr stator_arg kDocumentIdArg =
    make_arg(STATOR_ARG_STR, "document_id", "The document the vector belongs to.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kDocumentIdBytesMax});
inline constexpr stator_arg kVectorArg =
    make_arg(STATOR_ARG_F32VEC, "vector", "The vector; all of a collection have one dimension.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kDimsMax});
inline constexpr stator_arg kMetricArg =
    make_enum("metric",
              "How distance is measured; the first vector fixes it for the collection (cosine "
              "unless given), later another one is refused.",
              kMetricNames, {});

inline constexpr stator_arg kPayloadArg = make_arg(
    STATOR_ARG_JSON, "payload",
    "What else is known of the vector, a JSON object: what row policies look at.",
    {.flags = STATOR_ARG_JSON_OBJECT | STATOR_ARG_NULLABLE, .min = 2, .max = kPayloadBytesMax});

// collection_not_found, for ops on vectors that should be there.
Status fail_no_collection(const Request& request, Reply& reply);

// The rule that new vectors must obey: the collection's, or where there is none yet, the one that
// a first vector of `dim` dimensions fixes.
Rule rule_for(const Collection* collection, const Args& args, std::size_t metric_arg,
              std::size_t dim);

// Refuses a given metric that is not the rule's, and more vectors than slots can be numbered.
Status check_metric(const Rule& rule, const Args& args, std::size_t metric_arg, Reply& reply);
Status check_room(const Collection* collection, std::size_t more, Reply& reply);

}  // namespace stator::vector
