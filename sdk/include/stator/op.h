/* Declaration of operations: the rows an engine brings for the op table. From a row the kernel
 * derives parsing, validation messages, authorization, routing, `describe`, the client's help and
 * its documentation; an engine never sees a frame. All pointers must stay valid for the life of
 * the library (static storage). */
#ifndef STATOR_OP_H
#define STATOR_OP_H

#include <stdint.h>

enum stator_arg_type {
  STATOR_ARG_STR = 1,
  STATOR_ARG_BYTES = 2,
  STATOR_ARG_I64 = 3,
  STATOR_ARG_U64 = 4,
  STATOR_ARG_F64 = 5,
  STATOR_ARG_BOOL = 6,
  STATOR_ARG_ENUM = 7,
  STATOR_ARG_F32VEC = 8,
  STATOR_ARG_STRVEC = 9,
  STATOR_ARG_JSON = 10,
  STATOR_ARG_ROWS = 11
};

enum stator_arg_flag {
  STATOR_ARG_REQUIRED = 1u << 0,    /* absent: bad_request "missing 'NAME'" */
  STATOR_ARG_ROUTING_KEY = 1u << 1, /* STR: its vShard decides the lane (DOCUMENT, ROWS) */
  STATOR_ARG_SENSITIVE = 1u << 2,   /* never logged */
  STATOR_ARG_NULLABLE = 1u << 3,    /* JSON null counts as absent */
  STATOR_ARG_DEPTH = 1u << 4,       /* U64: steps that a walk may go; a tenant's quota limits it */
  /* JSON only: kinds that are accepted; none of them set means any kind. */
  STATOR_ARG_JSON_OBJECT = 1u << 8,
  STATOR_ARG_JSON_ARRAY = 1u << 9,
  STATOR_ARG_JSON_SCALAR = 1u << 10, /* string, number, true, false, null */
  /* Since 1.2, a hint. STR, of a READ op, not required, at most one: where the answer before ended.
   * The op answers a page, and where there is more it tells the kernel (stator.reply's `more`) what
   * this argument is to be for the next one. Behind the engine's arguments the kernel then adds one
   * of its own, a BOOL `stream`: a client that sets it gets page after page as the parts of one
   * answer, each asked for when there is room for it, with the rights the client has then. The op
   * does not see the difference. A server of 1.0 or 1.1 passes over it: clients ask for each page.
   */
  STATOR_ARG_CURSOR = 1u << 16
};
/* Flags of these bits, of arguments and of ops, are hints: a kernel that does not know one passes over
 * it. One that does not know another bit refuses the engine. */
#define STATOR_FLAG_HINTS 0xffff0000u

typedef struct stator_arg {
  uint32_t struct_size;
  uint32_t type;            /* stator_arg_type */
  uint32_t flags;           /* stator_arg_flag */
  uint32_t choice_count;    /* ENUM */
  const char *name;         /* field name on the wire, snake_case */
  const char *alias;        /* second accepted name, or NULL */
  const char *doc;          /* one sentence */
  const char *default_json; /* JSON text bound when the field is absent, or NULL */
  /* Bounds, inclusive; both 0 = the type's own. Numbers: the value (whole ones are exact up to 2^53).
   * STR, BYTES, JSON: bytes. F32VEC, STRVEC, ROWS: elements. */
  double min;
  double max;
  const char *const *choices;      /* ENUM */
  const struct stator_arg *fields; /* ROWS: the fields of one row; no ROWS inside */
  uint64_t field_count;
} stator_arg;

enum stator_op_class {
  STATOR_OP_READ = 1,  /* has read; changes nothing */
  STATOR_OP_WRITE = 2  /* has prepare; its records are applied */
};

enum stator_permission {
  STATOR_PERM_READ = 1u << 0,
  STATOR_PERM_WRITE = 1u << 1,
  STATOR_PERM_CREATE = 1u << 2,
  STATOR_PERM_DROP = 1u << 3,
  STATOR_PERM_ALTER = 1u << 4,
  STATOR_PERM_ADMIN = 1u << 5,
  STATOR_PERM_MONITOR = 1u << 6,
  STATOR_PERM_SERVER = 1u << 7 /* what concerns all tenants; superusers alone have it */
};

enum stator_op_flag {
  /* The op only removes: it goes on where a tenant is over its storage quota, and where the server
   * is at its memory limit. */
  STATOR_OP_REMOVES = 1u << 0,
  /* READ ops that may take long: the op may be paused where it looks at the interrupt word
   * (stator.pause/1), while others of the lane run, writes among them. */
  STATOR_OP_PAUSES = 1u << 1,
  /* ALL writes: every lane is prepared while all of them stand still, and the parts are written
   * together or not at all. */
  STATOR_OP_TOGETHER = 1u << 2,
  /* The op asks stator.rows about every row that it shows, counts or writes. Where a row policy
   * binds the caller, the kernel refuses every op that does not say this. */
  STATOR_OP_ROWS_CHECKED = 1u << 3,
  /* Since 1.1, a hint: the op's name and aliases are meant for collections of this engine alone
   * (`collection_engine_set`), so that others may have the same ones; everywhere else they mean the
   * op of another engine, or nothing. ENGINE.NAME reaches the op in every collection. A server
   * of 1.0 passes over it: the names mean this op everywhere, and an engine whose names another one
   * has is refused. */
  STATOR_OP_OWN_COLLECTIONS = 1u << 16
};

enum stator_placement {
  /* The lane that owns the vShard of the argument marked ROUTING_KEY. */
  STATOR_PLACE_DOCUMENT = 1,
  /* The lane that owns the vShard of (tenant, collection). All COLLECTION ops of one collection,
   * of whatever engine, run on one lane, so they may call one another. */
  STATOR_PLACE_COLLECTION = 2,
  /* Every lane; each writes a part, `merge` makes the answer (also when there is one lane). */
  STATOR_PLACE_ALL = 3,
  /* The op has one ROWS argument whose rows have a ROUTING_KEY field: each lane gets the rows it
   * owns in their given order (a lane without rows is not asked), `merge` makes the answer. */
  STATOR_PLACE_ROWS = 4,
  /* Whichever lane the connection lives on. */
  STATOR_PLACE_ANY = 5
};

enum stator_cost { STATOR_COST_POINT = 1, STATOR_COST_SCAN = 2, STATOR_COST_HEAVY = 3 };

typedef struct stator_op {
  uint32_t struct_size;
  uint32_t op_class;   /* stator_op_class */
  uint32_t permission; /* one stator_permission */
  uint32_t placement;  /* stator_placement */
  uint32_t cost;       /* stator_cost */
  uint32_t arg_count;  /* at most 64 */
  const char *name;    /* wire name, snake_case; canonical name is ENGINE.NAME */
  const char *const *aliases; /* NULL-terminated list of further wire names, or NULL */
  const char *doc;            /* what it does, one or two sentences */
  const char *result;         /* the answer's payload, as a one-line schema */
  const char *example;        /* a whole request as JSON */
  const stator_arg *args;
  /* NULL-terminated list of names of ops of other engines this one calls, or NULL: wire names, or
   * ENGINE.NAME. A wire name means the same op in every collection, also where several engines have
   * it: the one without STATOR_OP_OWN_COLLECTIONS. Where one is not enabled, this op answers
   * engine_disabled and says which. */
  const char *const *requires_ops;
  /* A hint for speed. DOCUMENT ops: the kv space (1..255) in which the op's first look-up is the
   * routing argument, as it stands; the kernel then fetches that key ahead, for many requests at
   * once. 0 = none. */
  uint32_t key_space;
  uint32_t flags; /* stator_op_flag */
} stator_op;

#endif
