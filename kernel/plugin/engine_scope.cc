#include "plugin/engine_scope.h"

namespace stator::plugin {

void tell_of_engine(const Engine& engine, CallFacts& facts) {
  facts.engine.set(engine.id);
  facts.code_begin = engine.code.begin;
  facts.code_end = engine.code.end;
  facts.sha256.set(engine.sha256);
  facts.build_id.set(engine.build_id);
  facts.version.set(engine.descriptor.version);
}

EngineScope::EngineScope(const Engine& engine, const char* phase)
    : InFlight(&tell_of), engine_(&engine), phase_(phase) {
  enter();
}

EngineScope::EngineScope(const LibraryFile& library, const char* phase)
    : InFlight(&tell_of), library_(&library), phase_(phase) {
  enter();
}

void EngineScope::tell_of(const InFlight& call, CallFacts& facts) {
  const auto& scope = static_cast<const EngineScope&>(call);
  facts.phase = scope.phase_;
  if (scope.engine_ != nullptr) return tell_of_engine(*scope.engine_, facts);
  facts.engine.set(scope.library_->manifest.id);
  facts.version.set(scope.library_->manifest.version);
  facts.sha256.set(scope.library_->sha256);
  facts.build_id.set(scope.library_->build_id);
}

}  // namespace stator::plugin
