// The kernel's own state as an engine: users, roles, tenants, API keys, row policies and the
// engines of collections are records on the log like all data.
//
// It is linked in, but written against the SDK alone and run by the same op table, gate, lanes and
// recovery as every engine. Its data belongs to no tenant: the gate sends its ops to tenant 0,
// collection "_system". Secrets come hashed (control/auth); this engine never sees one. Every
// change is checked here, on the one lane that owns it, so that two at once cannot pass each other.
#pragma once

#include "stator/engine.h"

extern "C" const stator_engine_v1* stator_system_engine_entry(const stator_kernel_hello* hello);
