/* Version of the engine contract. Draft until the SDK issue freezes it as 1.0. */
#ifndef STATOR_VERSION_H
#define STATOR_VERSION_H

#define STATOR_ABI_MAJOR 1
#define STATOR_ABI_MINOR 0

/* The only symbol an engine library exports. A major break is another symbol name, so it shows
 * as a missing symbol and never as a misread struct. */
#define STATOR_ENTRY_SYMBOL "stator_engine_entry_v1"

#endif
