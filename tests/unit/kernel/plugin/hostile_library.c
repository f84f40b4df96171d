/* Compiled in several ways by library_test.cc's build: libraries that the loader must look through. */
#include <stdlib.h>

#include "stator/engine.h"

#ifdef HAS_NOTE
STATOR_ENGINE_NOTE("hostile", HAS_NOTE)
#endif

#ifdef HAS_SECOND_NOTE
#define stator_engine_note stator_second_note
STATOR_ENGINE_NOTE("another", HAS_NOTE)
#endif

#ifdef HUGE_STATIC
__attribute__((used)) static char much[1ull << 30];
#endif
#ifdef HUGE_THREAD
__attribute__((used)) static __thread char much_each[1u << 20];
#endif
/* More than the loader keeps for those who want a place at a fixed distance of the thread's own. */
#ifdef STATIC_THREAD
__attribute__((used, tls_model("initial-exec"))) static __thread char place[32u << 10];
__attribute__((used)) static char* place_of(void) { return place; }
#endif
#ifdef TEXT_RELOCATION
__asm__(".pushsection .text\n.quad hidden_word\n.popsection");
__attribute__((used)) int hidden_word = 1;
#endif
#ifdef CALLS_NOBODY
extern int nobody_has_this(void);
__attribute__((used)) static int calls(void) { return nobody_has_this(); }
#endif
#ifdef HAS_RESOLVER
typedef int chosen_function(void);
__attribute__((used)) static chosen_function* choose(void) { abort(); }
int chosen(void) __attribute__((ifunc("choose")));
__attribute__((used)) static int calls_chosen(void) { return chosen(); }
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
