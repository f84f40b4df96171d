/* Version of the engine contract, and how the two sides of it get along in different minors. */
#ifndef STATOR_VERSION_H
#define STATOR_VERSION_H

#define STATOR_ABI_MAJOR 1
#define STATOR_ABI_MINOR 2

/* The least minor that the engine needs; an older server refuses the library before any of its code
 * runs. It is not that of the SDK it is built with: an engine that uses what a later minor brought
 * only where it is there (STATOR_HAS, a service that is not NULL) needs 0. Define it for the whole
 * engine where that is not so. */
#ifndef STATOR_NEEDS_ABI_MINOR
#define STATOR_NEEDS_ABI_MINOR 0
#endif
#if STATOR_NEEDS_ABI_MINOR > STATOR_ABI_MINOR
#error "STATOR_NEEDS_ABI_MINOR: this SDK is older than what the engine needs"
#endif

/* Whether the struct that the other side gave has this member: it may be older. For members and
 * functions that are said to be there since a minor above 0. */
#define STATOR_HAS(pointer, member)                                       \
  ((const char *)(&(pointer)->member + 1) - (const char *)(pointer) <=    \
   (long)(pointer)->struct_size)

/* The only symbol an engine library exports. A major break is another symbol name, so it shows
 * as a missing symbol and never as a misread struct. */
#define STATOR_ENTRY_SYMBOL "stator_engine_entry_v1"

#endif
