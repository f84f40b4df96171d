// The engine under check behind a descriptor of ours: whatever enters it is noted, so that an
// exception that leaves it, or a clock, a random number or a thread that it takes meanwhile, is
// known for what it is.
#pragma once

#include <string>

#include "stator/engine.h"

namespace stator::check {

// Names the library. Throws std::runtime_error where the file cannot be read.
void set_library(const std::string& path);
const std::string& library_bytes();
// Loads it; throws std::runtime_error with the reason.
void load_engine();
// NULL: it is not loaded.
stator_engine_entry original_entry();
// And the version before it, which is not watched.
void load_engine_before(const std::string& path);
stator_engine_entry engine_before();

// The entry for the fake kernel: the library's own descriptor, with what enters the engine watched.
const stator_engine_v1* watched_entry(const stator_kernel_hello* hello);
// The library's own descriptor; entered again with the same hello. Both after watched_entry() only.
const stator_engine_v1* original_engine();
const stator_engine_v1* engine_again();

// Ends this process: the engine broke a rule.
[[noreturn]] void broken(const std::string& sentence);
inline constexpr int kExitBroken = 3;

}  // namespace stator::check
