/* An engine that can be built with this contract or the next (STATOR_NEXT). With the next it uses
 * what that brought where the kernel has it, and does without elsewhere, as an author would who
 * wants one library for both. SAYS_MORE, NEW_TYPE, NEW_FLAG, NEW_HINT: it does not care. */
#include "stator/engine.h"

#include <stdio.h>
#include <string.h>

static const stator_reply_service* reply;
#ifdef STATOR_NEXT
static const stator_later_service* later;
static int engine_later(stator_instance* instance) {
  (void)instance;
  return 5;
}
#endif

static stator_status opened(const stator_open* open, stator_instance** out, char* error,
                            uint64_t error_size) {
  static int instance;
  (void)open, (void)error, (void)error_size;
  *out = (stator_instance*)&instance;
  return STATOR_OK;
}
static void closed(stator_instance* instance) { (void)instance; }
static stator_status apply(stator_instance* instance, const stator_record* record) {
  (void)instance, (void)record;
  return STATOR_OK;
}

/* The sum of both arguments, and what of the next contract is there. */
static stator_status read(const stator_instance* instance, const stator_request* request) {
  const stator_value* values = stator_arg_values(request->args);
  const char* found = "";
  char text[128];
  int size;
  char* room;
  (void)instance;
#ifdef STATOR_NEXT
  if (STATOR_HAS(reply, later) && reply->later(request->call) == 1 && later != NULL &&
      later->later() == 2 && STATOR_HAS(request, later) && request->later == 3)
    found = " with function, service and member";
#endif
  size = snprintf(text, sizeof text, "%d%s", (int)(values[0].u64 + values[1].u64), found);
  room = reply->reserve(request->call, (uint64_t)size);
  if (room == NULL) return STATOR_E_FAN_OUT_EXCEEDED;
  memcpy(room, text, (size_t)size);
  reply->commit(request->call, (uint64_t)size);
  return STATOR_OK;
}

static stator_arg args[2];
static stator_op op;
static const stator_op* const ops[] = {&op};
static stator_engine_v1 engine;

static void describe_args(void) {
  static const char* const names[] = {"first", "second"};
  for (int i = 0; i < 2; ++i) {
    args[i].struct_size = sizeof args[i];
    args[i].type = STATOR_ARG_U64;
    args[i].name = names[i];
    args[i].doc = "A number.";
  }
#ifdef SAYS_MORE
  args[1].later = 1;
#endif
#ifdef NEW_TYPE
  args[1].type = STATOR_ARG_LATER;
#endif
}

static void describe_op(void) {
  op.struct_size = sizeof op;
  op.op_class = STATOR_OP_READ;
  op.permission = STATOR_PERM_READ;
  op.placement = STATOR_PLACE_ANY;
  op.cost = STATOR_COST_POINT;
  op.arg_count = 2;
  op.name = "sum";
  op.doc = "Adds two numbers.";
  op.result = "N";
  op.example = "{\"op\":\"sum\",\"first\":1,\"second\":2}";
  op.args = args;
#ifdef NEW_FLAG
  op.flags = STATOR_OP_LATER;
#endif
#ifdef NEW_HINT
  op.flags = STATOR_OP_LATER_HINT;
#endif
}

STATOR_EXPORT const stator_engine_v1* stator_engine_entry_v1(const stator_kernel_hello* hello) {
  reply = hello->get_service(STATOR_SERVICE_REPLY);
  describe_args();
  describe_op();
  engine.struct_size = sizeof engine;
  engine.abi_major = STATOR_ABI_MAJOR;
  engine.abi_minor = STATOR_NEEDS_ABI_MINOR;
  engine.op_count = 1;
  engine.id = "matrix";
  engine.version = "1";
  engine.vendor = "tests";
  engine.doc = "Adds.";
  engine.ops = ops;
  engine.open = opened;
  engine.close = closed;
  engine.read = read;
  engine.apply = apply;
#ifdef STATOR_NEXT
  later = hello->get_service(STATOR_SERVICE_LATER);
  if (hello->abi_minor >= STATOR_ABI_MINOR) engine.later = engine_later;
#endif
  return &engine;
}
STATOR_ENGINE_NOTE("matrix", "1")
