#include "ops/check_document.h"

#include "storage.h"

namespace stator::document {

std::string sentence_of(const SchemaFault& fault) {
  constexpr std::size_t kPathShown = 160;
  const std::string place =
      fault.path.empty() ? "the document" : "'" + fault.path.substr(0, kPathShown) + "'";
  return place + " breaks '" + fault.rule + "' of the collection's schema";
}

Status check_document(const DocumentEngine& engine, const Request& request, const Value& document,
                      const char* field, Reply& reply, std::string_view document_id) {
  if (const Rows rows = request.rows(); !rows.may_write(document.bytes)) return rows.refuse();
  const Schema* schema = engine.schemas().of(request.tenant(), request.collection());
  SchemaFault fault;
  if (schema == nullptr || schema->check(document, fault)) return STATOR_OK;
  return reply.fail(STATOR_E_REJECTED_CONSTRAINT, field, sentence_of(fault) + naming(document_id));
}

}  // namespace stator::document
