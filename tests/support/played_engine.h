// Engines that a test plays: a descriptor whose functions do nothing but say ok, and the library
// that it pretends to come from.
#pragma once

#include <span>
#include <string>

#include "stator/engine.h"

#include "plugin/library_file.h"

namespace stator::test {

// The test sets the functions that it plays. `id` and `ops` must outlive what is returned.
inline stator_engine_v1 played_engine(const char* id, std::span<const stator_op* const> ops) {
  stator_engine_v1 engine{};
  engine.struct_size = sizeof engine;
  engine.abi_major = STATOR_ABI_MAJOR;
  engine.op_count = static_cast<std::uint32_t>(ops.size());
  engine.id = id;
  engine.version = "1";
  engine.ops = ops.data();
  engine.open = [](const stator_open*, stator_instance**, char*, std::uint64_t) {
    return stator_status{STATOR_OK};
  };
  engine.close = [](stator_instance*) {};
  engine.read = [](const stator_instance*, const stator_request*) {
    return stator_status{STATOR_OK};
  };
  engine.prepare = engine.read;
  engine.apply = [](stator_instance*, const stator_record*) { return stator_status{STATOR_OK}; };
  return engine;
}

// Its note agrees with played_engine(id).
inline plugin::LibraryFile library_of(const std::string& id) {
  plugin::LibraryFile library;
  library.path = id + ".so";
  library.manifest = {id, "1", STATOR_ABI_MAJOR, 0};
  return library;
}

}  // namespace stator::test
