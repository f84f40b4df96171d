// What ops ask row policies, and payloads on their way in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

#include "collection/collection.h"

namespace stator::vector {

// Makes `packed` the packed payload in that argument; empty, and with memory kept, where it is
// absent. Not nullptr: why it is none.
const char* pack_payload(const Args& args, std::size_t arg, std::string& packed);

// The payload (empty: none) of a vector that is there and that the caller may see.
std::optional<std::string_view> visible_payload(const Request& request,
                                                const Collection* collection,
                                                std::string_view document_id);

// The collection has no vectors, which is told only to whom no row policy binds: to others a
// collection of hidden vectors is none either.
bool is_no_collection(const Request& request, const Collection* collection);

// Before the document's vector is replaced or removed, if it has one: rejected_authz where row
// policies hide it, or do not let it be written.
Status check_replaced(const Request& request, const Collection* collection,
                      std::string_view document_id);
// Before a vector with this payload (packed, or empty) is written.
Status check_written(const Request& request, std::string_view payload);

}  // namespace stator::vector
