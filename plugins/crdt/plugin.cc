// The library's entry: what the engine is called and which ops it brings.
#include "engine.h"
#include "ops/ops.h"

namespace stator::crdt {

EngineDescription<CrdtEngine> CrdtEngine::describe() {
  static constexpr const Op<CrdtEngine>* kOps[] = {&kCrdtApply, &kCrdtRead, &kAlterCollectionPolicy,
                                                   &kGetCollectionPolicy};
  static constexpr stator_config_key kConfigKeys[] = {
      {sizeof(stator_config_key), 0, "cache_documents_max",
       "Documents kept in memory per lane (default 4096)."},
      {sizeof(stator_config_key), 0, "cache_bytes_max",
       "Bytes of documents kept in memory per lane (default 134217728)."},
  };
  return {.id = "crdt",
          .version = "0.1.0",
          .vendor = "stator",
          .doc = "Yjs documents: conflict-free text, maps, arrays and XML that peers edit offline.",
          .ops = kOps,
          .config_keys = kConfigKeys};
}

}  // namespace stator::crdt

STATOR_ENGINE_NOTE("crdt", "0.1.0")
STATOR_DEFINE_ENGINE(stator::crdt::CrdtEngine)
