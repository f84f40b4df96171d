/* The argument block: validated arguments of one request, as the kernel's binder wrote them.
 *
 * A block is position-independent: every offset is relative to the block's own first byte, so it
 * can be copied, queued, logged and put in shared memory unchanged. A block starts 64-byte
 * aligned. Behind the header stand arg_count values, in the order of the op's args.
 *
 *   type            value
 *   STR             slice of UTF-8 bytes
 *   BYTES           slice of decoded bytes (base64 on the wire)
 *   I64 U64 F64     the number
 *   BOOL            u64 0 or 1
 *   ENUM            u64 index into stator_arg.choices
 *   F32VEC          slice of finite float32, 64-byte aligned; count = bytes / 4
 *   STRVEC          slice of stator_slice, one per string (count = bytes / 8)
 *   JSON            slice of the JSON text of the value, valid by RFC 8259, valid UTF-8
 *   ROWS            slice of stator_slice, one per row; each names a nested block whose own
 *                   offsets are relative to that nested block
 */
#ifndef STATOR_ARGS_H
#define STATOR_ARGS_H

#include <stdint.h>

typedef struct stator_slice {
  uint32_t offset; /* from the first byte of the block */
  uint32_t bytes;
} stator_slice;

typedef union stator_value {
  int64_t i64;
  uint64_t u64;
  double f64;
  stator_slice slice;
} stator_value;

typedef struct stator_arg_block {
  uint32_t struct_size; /* bytes of this header; the values follow it */
  uint32_t bytes;       /* of the whole block, header included */
  uint64_t given;       /* bit i: the client gave argument i */
  uint64_t present;     /* bit i: argument i has a value, given or by default */
  uint32_t vshard;      /* in a row: of the row's routing key; else of the request */
  uint32_t arg_count;
} stator_arg_block;

static inline const stator_value *stator_arg_values(const stator_arg_block *block) {
  return (const stator_value *)((const char *)block + block->struct_size);
}

#endif
