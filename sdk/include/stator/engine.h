/* The engine contract: what a shared library says and does to be an engine.
 *
 * One library exports one function, stator_engine_entry_v1. Every struct that may grow starts with
 * struct_size, set by whoever owns its memory; the receiver copies min(struct_size, its own) and treats
 * the rest as zero, so a released layout is a prefix of every later one. A tail that the kernel does not
 * know must be zero, or the engine is refused: it would say what is not heard. An engine looks with
 * STATOR_HAS before it touches what a later minor added. Structs without struct_size never change, and
 * members called reserved stay 0. Numbers that are not known are refused, in flags too, but for their
 * hints (stator/op.h). Nothing with a constructor, vtable or std:: type crosses; nothing is freed on the
 * other side.
 *
 * A write: prepare (may look, must not touch; returns records) -> the kernel appends the records
 * to the log -> apply (the only mutator, also in recovery) -> the answer waits until the records
 * are durable. apply must be deterministic: no clock, no randomness, no addresses; everything it
 * needs is in the record. Primary state lives in stator.kv: it is in the digest, the same for every
 * replay of a log, and moves with its vShard. Derived state is what can be made again from it: memory
 * that an engine keeps is rebuilt in open, which the kernel calls again when state came or went without
 * apply; derived kv spaces are named in derived_spaces and are in no digest.
 *
 * Threads: an instance belongs to one lane thread for life. No locks, no blocking calls, no threads
 * of its own, no signal handlers. */
#ifndef STATOR_ENGINE_H
#define STATOR_ENGINE_H

#include <stdint.h>

#include "stator/args.h"
#include "stator/bytes.h"
#include "stator/manifest.h"
#include "stator/op.h"
#include "stator/services.h"
#include "stator/status.h"
#include "stator/version.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stator_instance stator_instance; /* the engine's own, opaque to the kernel */

typedef struct stator_kernel_hello {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  const char *kernel_version;
  /* [init] The service of that id, or NULL. Lives as long as the process. */
  const void *(*get_service)(const char *id);
} stator_kernel_hello;

enum stator_interrupt { STATOR_INTERRUPT_STOP = 1, STATOR_INTERRUPT_ASK = 2 };

/* One request as an engine sees it; lent until the call returns. */
typedef struct stator_request {
  uint32_t struct_size;
  uint32_t op_index; /* into stator_engine_v1.ops */
  uint32_t tenant;
  uint32_t vshard; /* 0..1023 */
  stator_str collection; /* 1..128 bytes, no NUL */
  const stator_arg_block *args;
  uint64_t time_ms;  /* wall clock, Unix milliseconds; for records, never for apply itself */
  uint64_t trace_id; /* 0 = none */
  /* Long loops look at it (a relaxed load) at least each 100 microseconds. 0 = go on;
   * STATOR_INTERRUPT_ASK, only in ops with STATOR_OP_PAUSES: call stator.pause/1; anything else = stop
   * now and return STATOR_E_DEADLINE_EXCEEDED (or CANCELLED). */
  const uint32_t *interrupt;
  stator_call *call;
} stator_request;

/* One record as apply sees it; lent until the call returns. */
typedef struct stator_record {
  uint32_t struct_size;
  uint32_t type; /* as given to records.add */
  uint32_t tenant;
  uint32_t vshard;
  stator_str collection;
  stator_bytes payload;
  uint64_t lsn;
  uint64_t time_ms; /* of the batch; the same at every replay */
  stator_call *call;
} stator_record;

/* One turn of work that no client asked for; lent until the call returns. */
typedef struct stator_work {
  uint32_t struct_size;
  /* Why nothing of this collection's turn before, on this lane, was written: what it returned, or
   * STATOR_E_UNIQUE_VIOLATION where one of its claims could not be had. STATOR_OK otherwise. */
  stator_status refusal;
  stator_str refusal_field; /* of reply.fail, or of the claim */
  stator_str refusal_sentence;
  stator_bytes note; /* what work.everywhere was given; empty in a turn that wake asked for */
  /* Tenant, collection, time, interrupt and call; vshard is one that the lane owns, whichever, or
   * STATOR_VSHARD_EVERY where it owns none; no arguments, op_index is STATOR_OP_INDEX_WORK. */
  const stator_request* request;
} stator_work;
#define STATOR_OP_INDEX_WORK 0xffffffffu

typedef struct stator_open {
  uint32_t struct_size;
  uint32_t lane;
  uint32_t lane_count;
  uint32_t reserved;
  stator_str config_json; /* [engine.ID] of the config as a JSON object; "{}" if absent */
  stator_call* call;      /* kv.visit_all, work.wake, log */
} stator_open;

/* What one record means to a reader of the change log. */
typedef struct stator_change {
  uint32_t struct_size;
  uint32_t value_is_binary; /* the value is bytes, not JSON */
  const char *kind;         /* static: what happened, such as "put" or "delete"; of [a-z0-9_] */
  stator_str key;           /* UTF-8: the document it happened to; points into the payload, or empty */
} stator_change;

/* Where the value of a change is written. */
typedef struct stator_sink {
  uint32_t struct_size;
  uint32_t reserved;
  /* Room for at least `bytes` more; NULL when the value would exceed what an answer may hold.
   * Valid until the next reserve. */
  char *(*reserve)(struct stator_sink *sink, uint64_t bytes);
  /* Adds the first `bytes` of the last reserved room. */
  void (*commit)(struct stator_sink *sink, uint64_t bytes);
} stator_sink;

typedef struct stator_config_key {
  uint32_t struct_size;
  uint32_t reserved;
  const char *name;
  const char *doc;
} stator_config_key;

typedef struct stator_engine_v1 {
  uint32_t struct_size;
  uint32_t abi_major; /* STATOR_ABI_MAJOR the engine was built with */
  uint32_t abi_minor; /* STATOR_NEEDS_ABI_MINOR: the least it needs, also in the note */
  uint32_t op_count;
  const char *id;      /* 1..32 bytes of [a-z0-9_]; names data on disk: never change it */
  const char *version;
  const char *vendor;
  const char *doc;
  const stator_op *const *ops; /* op_count rows */
  const stator_config_key *config_keys;
  uint64_t config_key_count; /* an unknown key in [engine.ID] is refused by the kernel */

  /* [lane] Makes the instance of one lane: loads derived state from kv. On refusal writes a
   * sentence of at most error_size bytes (NUL-terminated) to error. */
  stator_status (*open)(const stator_open *open, stator_instance **out, char *error,
                        uint64_t error_size);
  /* [lane] Frees the instance. Everything durable is durable already. */
  void (*close)(stator_instance *instance);
  /* [lane] Answers a READ op; changes nothing. For ALL: writes this lane's part. */
  stator_status (*read)(const stator_instance *instance, const stator_request *request);
  /* [lane] Turns a WRITE op into records and the answer; changes nothing. For ALL and ROWS: writes
   * this lane's part. */
  stator_status (*prepare)(const stator_instance *instance, const stator_request *request);
  /* [lane] The only mutator, live and in recovery. Anything but STATOR_OK stops the process: what
   * apply cannot do, prepare must have refused. */
  stator_status (*apply)(stator_instance *instance, const stator_record *record);
  /* [lane] ALL and ROWS: makes the answer from the lanes' parts, in lane order; part_count >= 1. */
  stator_status (*merge)(const stator_instance *instance, const stator_request *request,
                         const stator_bytes *parts, uint64_t part_count);

  /* kv spaces that hold derived state, and how many they are; may be none. */
  const uint8_t *derived_spaces;
  uint64_t derived_space_count;
  /* [any thread] Optional, NULL otherwise: what a record that prepare made means to a reader of the
   * change log (`subscribe`). Pure: it sees the record alone, never an instance. Writes the new
   * value to `value`, which is NULL where nobody wants it; a change without a value writes none.
   * STATOR_E_FAN_OUT_EXCEEDED: it does not fit; the change is told without it. Without this function,
   * and at any other error, the change has the kind "changed" and no key. Records of
   * STATOR_VSHARD_EVERY are not changes. */
  stator_status (*describe_change)(uint32_t type, stator_bytes payload, stator_change *change,
                                   stator_sink *value);
  /* [lane] Optional, NULL otherwise: one turn of work in one collection, when its time has come
   * (work.wake), between requests and behind all of them. As prepare it changes nothing and returns
   * records, which are written and applied as a request's are, claims too; of this lane's vShards
   * only, unless there is a note. It has a slice of time, some 200 microseconds: it looks at the
   * interrupt word as each long loop does (STATOR_INTERRUPT_ASK: call stator.pause/1, which says
   * when the slice is over), then returns what it has and wakes itself for the rest. It also bounds
   * its records, for what applies them is not in the slice. Not STATOR_OK: nothing is written, and
   * it is called again with the refusal: at once, but after a second where that is the second time,
   * or where it says STATOR_E_CONFLICT_RETRY. */
  stator_status (*work)(const stator_instance* instance, const stator_work* work);
  /* [lane] Optional, NULL otherwise: the tenant has been dropped, and the kernel is about to erase
   * its entries, without apply. Nothing of it will be asked for, applied or visited in open any
   * more. Frees some of what the instance holds of it in memory, for some 100 microseconds, and
   * returns 1 if there is more (it is called again), 0 if not. Without it that stays until the
   * server starts again. */
  int (*forget)(stator_instance* instance, uint32_t tenant);
} stator_engine_v1;

/* What the entry is declared with, since engines are compiled with hidden visibility. */
#define STATOR_EXPORT __attribute__((visibility("default")))

/* [init] May be called more than once; returns the same static descriptor, or NULL when the
 * kernel cannot host it. */
typedef const stator_engine_v1 *(*stator_engine_entry)(const stator_kernel_hello *hello);
const stator_engine_v1 *stator_engine_entry_v1(const stator_kernel_hello *hello);

#ifdef __cplusplus
}
#endif
#endif
