// Marks that a thread runs an engine's code outside of a lane's calls (those mark themselves).
#pragma once

#include "base/in_flight.h"
#include "plugin/catalog.h"
#include "plugin/library_file.h"

namespace stator::plugin {

// Async-signal-safe.
void tell_of_engine(const Engine& engine, CallFacts& facts);

class EngineScope : public InFlight {
 public:
  // `phase`: as in docs/formats/crashes.md, static. What it names must outlive it.
  EngineScope(const Engine& engine, const char* phase);
  // Of a library that is no engine yet.
  EngineScope(const LibraryFile& library, const char* phase);
  ~EngineScope() { leave(); }
  EngineScope(const EngineScope&) = delete;
  EngineScope& operator=(const EngineScope&) = delete;

 private:
  static void tell_of(const InFlight& call, CallFacts& facts);
  const Engine* engine_ = nullptr;
  const LibraryFile* library_ = nullptr;
  const char* phase_;
};

}  // namespace stator::plugin
