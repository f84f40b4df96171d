/* Status codes of the engine contract: 0 or a number of errors.def. */
#ifndef STATOR_STATUS_H
#define STATOR_STATUS_H

#include <stdint.h>

/* 0 = STATOR_OK, else one of the STATOR_E_ numbers. A number that is not in errors.def is
 * answered as `internal`. */
typedef int32_t stator_status;

enum {
  STATOR_OK = 0,
#define STATOR_ERROR(kernel_name, suffix, number, wire, error_class, http, meaning) \
  STATOR_E_##suffix = number,
#include "stator/errors.def"
#undef STATOR_ERROR
  STATOR_STATUS_END = 0x7fffffff
};

#endif
