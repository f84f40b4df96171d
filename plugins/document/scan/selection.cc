#include "scan/selection.h"

namespace stator::document {

Status Selection::compile(const Args& args, std::size_t index, const char* name, Reply& reply) {
  if (!args.has(index)) return STATOR_OK;
  filter::Compiler compiler(name);
  if (compiler.compile(args.str(index), program_)) return STATOR_OK;
  return reply.fail(STATOR_E_BAD_REQUEST, name, compiler.error());
}

}  // namespace stator::document
