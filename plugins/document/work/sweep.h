// Background removal of documents that are over (index/expiry.h), along the TTL indexes.
#pragma once

#include "stator/engine.hpp"

#include "document_engine.h"

namespace stator::document {

// Adds the records that remove a bounded number of them, with what they claim. `has_removed` is
// false where none is over; then the collection is woken when the next one will be.
Status sweep(const DocumentEngine& engine, const Work& work, Records& records, Reply& reply,
             bool& has_removed);

}  // namespace stator::document
