/* Borrowed bytes. Plain pairs of pointer and length; what they point to belongs to whoever lent
 * it, for as long as the lender's comment says. */
#ifndef STATOR_BYTES_H
#define STATOR_BYTES_H

#include <stdint.h>

typedef struct stator_bytes {
  const uint8_t *data; /* may be NULL when size is 0 */
  uint64_t size;
} stator_bytes;

typedef struct stator_str {
  const char *data; /* UTF-8, not NUL-terminated; may be NULL when size is 0 */
  uint64_t size;
} stator_str;

#endif
