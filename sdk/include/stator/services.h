/* What the kernel does for an engine: small interfaces, fetched by id and revision with
 * stator_kernel_hello.get_service. An unknown id gives NULL; a service gets further functions at its end
 * (STATOR_HAS), what changes a function is another id. Every function here is [lane]: call
 * it on the thread that called you, during that call. `call` is the handle that came with the
 * request, the record or open; it and all memory obtained through it are void when you return. */
#ifndef STATOR_SERVICES_H
#define STATOR_SERVICES_H

#include <stdint.h>

#include "stator/args.h"
#include "stator/bytes.h"
#include "stator/status.h"

typedef struct stator_call stator_call; /* opaque */

/* ---- stator.reply/1: the answer of a read, prepare or merge ------------------------------- */
#define STATOR_SERVICE_REPLY "stator.reply/1"
#define STATOR_CURSOR_BYTES_MAX 65536
typedef struct stator_reply_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* Room for at least `bytes` more bytes of payload; NULL when the answer would exceed the frame
   * limit (then return STATOR_E_FAN_OUT_EXCEEDED). Valid until the next reserve. */
  char *(*reserve)(stator_call *call, uint64_t bytes);
  /* Adds the first `bytes` of the last reserved room to the payload. */
  void (*commit)(stator_call *call, uint64_t bytes);
  /* In prepare, at most once: the decimal LSN of this request's first record is put here when it
   * is known (0 when prepare returned no record). */
  void (*lsn_here)(stator_call *call);
  /* The payload is bytes, not JSON. */
  void (*set_binary)(stator_call *call);
  /* Refusal: the name of the argument at fault (or NULL) and a sentence for people (both copied,
   * cut at 64 and 256 bytes). Returns `code`, for `return fail(...)`. Never put stored data of
   * other rows in it. */
  stator_status (*fail)(stator_call *call, stator_status code, const char *field,
                        const char *sentence, uint64_t sentence_size);
  /* Since 1.2 (STATOR_HAS). In read, or in merge where the op has one, of an op with
   * STATOR_ARG_CURSOR: this answer is a page, and there is more. `cursor` (1 to
   * STATOR_CURSOR_BYTES_MAX bytes of UTF-8, copied): what that argument is to be for the next page,
   * all others as they are. An answer that does not say it is the last. Write it into the payload,
   * too, for whoever asks for each page. */
  void (*more)(stator_call* call, stator_str cursor);
} stator_reply_service;

/* ---- stator.records/1: what prepare wants written ----------------------------------------- */
#define STATOR_SERVICE_RECORDS "stator.records/1"
/* The record concerns state that every lane keeps (an index definition, a policy). Each lane of an
 * ALL op adds its own; at recovery all lanes apply all of them, so apply must tolerate repeats. */
#define STATOR_VSHARD_EVERY 0xffffu
/* Records of this type and above are the engine's own bookkeeping: no reader of the change log is
 * told of them. */
#define STATOR_RECORD_UNTOLD 0x8000u
enum stator_claim_flag {
  STATOR_CLAIM_FREE = 1u << 0,        /* the owner gives the key up; otherwise it takes it */
  STATOR_CLAIM_NAMES_OWNERS = 1u << 1 /* the refusal's sentence ends with both owners */
};
/* A key that only one owner may have. It belongs to the vShard that the kernel makes of it, so it may
 * lie on another lane than what claims it. All is copied. */
typedef struct stator_claim {
  uint32_t struct_size;
  uint32_t flags;       /* stator_claim_flag */
  uint32_t space;       /* kv space of the claims, 1..255 */
  uint32_t type;        /* of the record; its payload: key size u16 little-endian, key, owner */
  stator_bytes key;     /* 1..STATOR_KV_KEY_BYTES_MAX */
  stator_bytes owner;   /* 1..1024 bytes */
  const char *field;    /* of the refusal, or NULL; cut as by reply.fail */
  stator_str sentence;  /* of the refusal */
} stator_claim;
typedef struct stator_records_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* Adds a record; the payload is copied. `vshard`: of the request (request->vshard), of a row
   * (block->vshard), or STATOR_VSHARD_EVERY. All records of one request on one
   * lane become durable together or not at all. `type` is the engine's own, 1..65535. */
  stator_status (*add)(stator_call *call, uint32_t vshard, uint32_t type, stator_bytes payload);
  /* Adds a record on the vShard of the claim's key. It is written with the request's other records, or
   * none of them is: where the request takes a key that another owner has, and does not free with it,
   * or two owners take one key, it is answered unique_violation with the claim's field and sentence.
   * The kernel looks into `space` for that: apply of a record that takes must put key -> owner there,
   * apply of one that frees must erase the key if that is its owner (of one request the taker's record
   * may come first). Where lanes share a request, prepare may run a second time for it.
   * STATOR_E_UNSUPPORTED: the claim says what this kernel does not know. */
  stator_status (*claim)(stator_call *call, const stator_claim *claim);
  /* Of an ALL or ROWS op: the parts of all lanes that say so, or that claim, are written together or not
   * at all. One that does neither stands alone. */
  void (*together)(stator_call *call);
} stator_records_service;

/* ---- stator.kv/1: ordered, durable storage ------------------------------------------------ */
/* Keys are seen within (engine, tenant, collection, space): an engine cannot name another's. Order
 * is bytewise. Values last until the call returns. A write is seen by later reads of the same
 * lane at once; it is durable when the record whose apply made it is. */
#define STATOR_SERVICE_KV "stator.kv/1"
#define STATOR_KV_KEY_BYTES_MAX 360
#define STATOR_KV_VALUE_BYTES_MAX (64u * 1024u * 1024u)
#define STATOR_KV_PREFETCH_KEYS 32
typedef struct stator_kv_cursor stator_kv_cursor; /* opaque; freed by the kernel at return */
typedef struct stator_kv_entry {
  stator_bytes key;   /* the engine's key; valid until the cursor moves */
  stator_bytes value; /* valid until the cursor moves */
  uint32_t vshard;    /* under which it was put */
  uint32_t reserved;
} stator_kv_entry;
/* Called once per stored entry; return 0 to go on. Strings and bytes are lent for the call. */
typedef int (*stator_kv_visitor)(void *context, uint32_t tenant, stator_str collection,
                                 const stator_kv_entry *entry);
typedef struct stator_kv_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* 1 found, 0 absent. Any call. */
  int (*get)(stator_call *call, uint8_t space, stator_bytes key, stator_bytes *value);
  /* Cursor over keys in [lower, upper); an empty upper (size 0) means no upper bound. reverse != 0
   * walks from the end. At most 16 open cursors a call. Writes during a walk: the cursor must not
   * be used afterwards. */
  stator_kv_cursor *(*scan)(stator_call *call, uint8_t space, stator_bytes lower,
                            stator_bytes upper, int reverse);
  /* 1 and the next entry, or 0 at the end. */
  int (*next)(stator_kv_cursor *cursor, stator_kv_entry *entry);
  /* Only in apply. vshard: of the record for ordinary data; STATOR_VSHARD_EVERY for state that
   * every lane keeps. Oversized keys or values are a fault of the engine: the process stops. */
  void (*put)(stator_call *call, uint8_t space, uint32_t vshard, stator_bytes key,
              stator_bytes value);
  /* Only in apply. A key that is not there stays so. */
  void (*erase)(stator_call *call, uint8_t space, stator_bytes key);
  /* Only in open: every entry of the engine's space on this lane, in key order per collection. */
  void (*visit_all)(stator_call *call, uint8_t space, stator_kv_visitor visitor, void *context);
  /* A hint, for speed alone: get is about to be called for these keys, in this order; some may be left
   * out. Memory is then waited for once, not once a key. Looks at the first STATOR_KV_PREFETCH_KEYS of
   * them and takes no longer than as many calls of get; they are not kept. The next prefetch, put or
   * erase of the call ends its effect. Wherever get may be called. */
  void (*prefetch)(stator_call *call, uint8_t space, const stator_bytes *keys, uint64_t count);
} stator_kv_service;

/* ---- stator.mem/1: memory that lives as long as the call ---------------------------------- */
#define STATOR_SERVICE_MEM "stator.mem/1"
typedef struct stator_mem_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* Never NULL; freed by the kernel when the call returns. align: a power of two up to 64. */
  void *(*allocate)(stator_call *call, uint64_t bytes, uint64_t align);
} stator_mem_service;

/* ---- stator.call/1: ops of other engines -------------------------------------------------- */
#define STATOR_SERVICE_CALL "stator.call/1"
/* Valid until the calling op returns. */
typedef struct stator_call_result {
  uint32_t struct_size; /* set by the caller */
  uint32_t is_binary;
  stator_bytes payload;
  stator_str detail;    /* sentence of a refusal */
} stator_call_result;
typedef struct stator_call_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* Runs a READ op of another engine with the caller's tenant, collection, identity and deadline,
   * through the same permission check. `op` is a wire name listed in requires_ops; `args_json` is
   * the JSON object of its arguments, bound and checked as a client's would be. The op must be
   * placed COLLECTION or ANY. At most 4 deep. Returns the status of the op, or of what refused it. */
  stator_status (*read)(stator_call *call, stator_str op, stator_str args_json,
                        stator_call_result *result);
} stator_call_service;

/* ---- stator.rows/1: which rows the caller may see and write -------------------------------- */
/* A row is what one key of the engine stands for, as packed JSON (stator/packed/value.hpp): its form is
 * part of this service, another one would be that of rows/2. An op
 * that asks about every row it shows, counts or writes has STATOR_OP_ROWS_CHECKED in its flags. In
 * merge the answers are those of read and prepare: parts that were asked about need not be asked
 * about again. */
#define STATOR_SERVICE_ROWS "stator.rows/1"
typedef struct stator_rows_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* 0: no row policy binds the caller in this collection, every row may be seen and written; the
   * same all through one call. */
  int (*is_bound)(stator_call *call);
  /* 1 if the caller may see the row; else it is to be answered as if it were not there. */
  int (*is_visible)(stator_call *call, stator_bytes row);
  /* 1 if the caller may write the row. Ask about the stored row before it is changed, replaced or
   * removed, which must be visible too, and about the row as it will be. */
  int (*may_write)(stator_call *call, stator_bytes row);
  /* Refuses the op with a sentence that names the policies; returns STATOR_E_REJECTED_AUTHZ. */
  stator_status (*refuse)(stator_call *call);
} stator_rows_service;

/* ---- stator.pause/1: reads that take long let others pass --------------------------------- */
/* For ops with STATOR_OP_PAUSES, in read and merge. Kernels that know no such service never ask. */
#define STATOR_SERVICE_PAUSE "stator.pause/1"
typedef struct stator_pause_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* To be called where the interrupt word is STATOR_INTERRUPT_ASK. When the op's slice of time is over
   * it returns later, and other requests of the lane have run meanwhile, writes among them. What was
   * lent to the call stays, and kv shows the state at the beginning of the op, cursors too. Memory of
   * the instance may have changed in any way apply changes it. 0 = go on; else stop now, as told by
   * the interrupt word. */
  int (*look)(stator_call *call);
} stator_pause_service;

/* ---- stator.work/1: work that no client asked for (stator_engine_v1.work) ------------------ */
#define STATOR_SERVICE_WORK "stator.work/1"
#define STATOR_WORK_NOTE_BYTES_MAX 4096
typedef struct stator_work_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* In open, apply and work: work is to be called for this collection on this lane at `at_ms` (Unix
   * milliseconds; 0: as soon as it is its turn) or later. The earliest of several counts, and is
   * forgotten when work is called, and when the instance closes: open says it again. Outside open
   * tenant and collection are those of the call. Costs next to nothing where one is set already. */
  void (*wake)(stator_call* call, uint32_t tenant, stator_str collection, uint64_t at_ms);
  /* In work without a note, once, with no records: work is called with this note (copied, 1 to
   * STATOR_WORK_NOTE_BYTES_MAX bytes) on every lane, this one too, while all stand still; the
   * records of all, which may be of STATOR_VSHARD_EVERY, are written together, or none where one
   * refuses. A record of STATOR_VSHARD_EVERY is applied by all lanes whichever adds it. */
  void (*everywhere)(stator_call* call, stator_bytes note);
  /* In merge of a WRITE op: what the client waits for is not done yet. Returns what merge is to
   * return; merge is called again when something was applied on the lane. At the deadline the
   * client is answered deadline_exceeded; what was written stays. */
  stator_status (*later)(stator_call* call);
} stator_work_service;

/* ---- stator.log/1 ------------------------------------------------------------------------- */
#define STATOR_SERVICE_LOG "stator.log/1"
enum stator_log_level {
  STATOR_LOG_DEBUG = 0,
  STATOR_LOG_INFO = 1,
  STATOR_LOG_WARN = 2,
  STATOR_LOG_ERROR = 3
};
typedef struct stator_log_service {
  uint32_t struct_size;
  uint32_t reserved;
  /* Any call. One line of the server's log, with the engine's name; stator_log_level. */
  void (*write)(stator_call *call, int level, stator_str message);
} stator_log_service;

#endif
