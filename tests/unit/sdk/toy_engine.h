// An engine for the tests of the fake kernel: every placement, every argument type, and an op that
// breaks each rule of the contract on demand.
#pragma once

#include "stator/engine.h"

extern "C" const stator_engine_v1* toy_entry(const stator_kernel_hello* hello);
