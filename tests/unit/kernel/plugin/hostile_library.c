/* Compiled in several ways by library_test.cc's build: libraries that the loader must look through. */
#include <stdlib.h>

#include "stator/engine.h"

#ifdef HAS_NOTE
STATOR_ENGINE_NOTE("hostile", HAS_NOTE)
#endif

/* Whoever runs any code of this library ends. */
#ifdef HAS_CONSTRUCTOR
__attribute__((constructor)) static void runs_at_once(void) { abort(); }
#endif

#ifdef EXPORTS_MORE
STATOR_EXPORT int stator_engine_helper(void);
int stator_engine_helper(void) { return 1; }
#endif

/* Of two libraries with it, the system's loader gives the first one's to both. */
#ifdef UNIQUE_ENTRY
__asm__(
    ".pushsection .text\n.globl stator_engine_entry_v1\n"
    ".type stator_engine_entry_v1, @gnu_unique_object\n"
    "stator_engine_entry_v1: ret\n.size stator_engine_entry_v1, 1\n.popsection");
#endif

#ifndef HAS_NO_ENTRY
STATOR_EXPORT const stator_engine_v1 *stator_engine_entry_v1(const stator_kernel_hello *hello) {
  static stator_engine_v1 engine = {.struct_size = sizeof(stator_engine_v1), .version = ENTRY_SAYS};
  (void)hello;
  return &engine;
}
#endif
