#include "scan/selection.h"

#include <algorithm>
#include <iterator>

#include "document_engine.h"

namespace stator::document {

Status Selection::compile(const DocumentEngine& engine, const Request& request, std::size_t index,
                          const char* name, Reply& reply) {
  if (engine.indexes().has_ttl()) {
    const IndexDefinitions& known = engine.indexes().of(request.tenant(), request.collection());
    std::copy_if(known.begin(), known.end(), std::back_inserter(ttl_),
                 [](const IndexDefinition& one) { return one.is_ttl(); });
    now_ms_ = request.time_ms();
  }
  const Args args = request.args();
  if (!args.has(index)) return STATOR_OK;
  filter::Compiler compiler(name);
  if (compiler.compile(args.str(index), program_)) return STATOR_OK;
  return reply.fail(STATOR_E_BAD_REQUEST, name, compiler.error());
}

}  // namespace stator::document
