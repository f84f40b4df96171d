// What every write of a document asks before it makes a record.
#pragma once

#include "stator/engine.hpp"

#include "document_engine.h"
#include "packed_json.h"

namespace stator::document {

// STATOR_OK, or rejected_constraint with a sentence that names the path and the rule. `field` is
// the argument at fault, or null. rejected_authz where row policies do not let the document be
// written. `document_id` is named in the sentence; empty where the request is about one document.
Status check_document(const DocumentEngine& engine, const Request& request, const Value& document,
                      const char* field, Reply& reply, std::string_view document_id = {});

// "'address.zip' breaks 'maximum'"; the path is cut to fit.
std::string sentence_of(const SchemaFault& fault);

}  // namespace stator::document
