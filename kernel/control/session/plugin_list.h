// The answer of plugin_list: which engine libraries this server runs.
#pragma once

#include <string>

#include "plugin/catalog.h"

namespace stator::session {

// JSON text. The kernel's own engine is not in it.
std::string plugin_list(const plugin::Catalog& catalog);

}  // namespace stator::session
