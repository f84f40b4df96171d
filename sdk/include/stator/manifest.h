/* What a library says about itself before any of its code runs: a note of the ELF file, which the
 * kernel reads from the bytes of the file. Once per library, in any one source file:
 *
 *   STATOR_ENGINE_NOTE("counter", "1.0.0")
 *
 * Both are string literals and must be what the descriptor says: a library whose note and descriptor
 * differ is refused, as is one without a note. The note is JSON in ASCII:
 *   {"id":"counter","version":"1.0.0","abi_major":1,"abi_minor":0}
 * abi_minor is the least minor of the contract that the engine needs (STATOR_NEEDS_ABI_MINOR). A reader
 * passes over members that it does not know. */
#ifndef STATOR_MANIFEST_H
#define STATOR_MANIFEST_H

#include <stdint.h>

#include "stator/version.h"

#define STATOR_NOTE_SECTION ".note.stator.engine"
#define STATOR_NOTE_NAME "stator"
#define STATOR_NOTE_TYPE 1u

#define STATOR_TEXT_OF_(x) #x
#define STATOR_TEXT_OF(x) STATOR_TEXT_OF_(x)
#define STATOR_NOTE_JSON(id, version)                                    \
  "{\"id\":\"" id "\",\"version\":\"" version                            \
  "\",\"abi_major\":" STATOR_TEXT_OF(STATOR_ABI_MAJOR) ",\"abi_minor\":" \
  STATOR_TEXT_OF(STATOR_NEEDS_ABI_MINOR) "}"

/* The form of a note by the ELF specification: sizes, type, name and content, padded to 4 bytes. */
#define STATOR_ENGINE_NOTE(id, version)                                              \
  __attribute__((section(STATOR_NOTE_SECTION), used, aligned(4))) static const struct { \
    uint32_t name_size, content_size, type;                                          \
    char name[(sizeof(STATOR_NOTE_NAME) + 3) / 4 * 4];                               \
    char content[(sizeof(STATOR_NOTE_JSON(id, version)) + 3) / 4 * 4];               \
  } stator_engine_note = {sizeof(STATOR_NOTE_NAME), sizeof(STATOR_NOTE_JSON(id, version)) - 1, \
                          STATOR_NOTE_TYPE, STATOR_NOTE_NAME, STATOR_NOTE_JSON(id, version)};

#endif
