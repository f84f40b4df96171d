/* A whole engine in C11: named totals that are added to. `stator plugin new NAME --lang c` copies it.
 *
 * A total is stored as 8 bytes under its name, in space 0. A record holds the new total and then the
 * name: the effect, not the command, so that applying it again gives the same. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stator/engine.h"

enum { SPACE = 0, RECORD_SET = 1, NAME_BYTES_MAX = 64, TOTAL_BYTES = 8 };

/* Set by the entry before anything else is called, and the same ever after. */
static const stator_reply_service *reply;
static const stator_records_service *records;
static const stator_kv_service *kv;

/* All state is in kv, so one instance without members serves every lane. */
struct stator_instance {
  char unused;
};
static stator_instance instance_of_all;

/* ---- the answer ---------------------------------------------------------------------------- */
static int put(stator_call *call, const char *text, size_t size) {
  char *room = reply->reserve(call, size);
  if (room == NULL) return 0;
  memcpy(room, text, size);
  reply->commit(call, size);
  return 1;
}

static stator_status refuse(stator_call *call, stator_status code, const char *field, const char *sentence) {
  return reply->fail(call, code, field, sentence, strlen(sentence));
}

static stator_status too_large(stator_call *call) {
  return refuse(call, STATOR_E_FAN_OUT_EXCEEDED, NULL, "the answer exceeds the frame limit");
}

/* ---- arguments and stored totals ----------------------------------------------------------- */
enum { ARG_NAME = 0, ARG_BY = 1 };

static stator_bytes name_of(const stator_request *request) {
  const stator_slice slice = stator_arg_values(request->args)[ARG_NAME].slice;
  const stator_bytes name = {(const uint8_t *)request->args + slice.offset, slice.bytes};
  return name;
}

static uint64_t total_of(const stator_request *request) {
  stator_bytes stored;
  uint64_t total = 0;
  if (kv->get(request->call, SPACE, name_of(request), &stored)) memcpy(&total, stored.data, TOTAL_BYTES);
  return total;
}

/* ---- the contract -------------------------------------------------------------------------- */
static stator_status open_lane(const stator_open *open, stator_instance **out, char *error, uint64_t error_size) {
  (void)open, (void)error, (void)error_size;
  *out = &instance_of_all;
  return STATOR_OK;
}

static void close_lane(stator_instance *instance) { (void)instance; }

/* counter_get, the only READ op. */
static stator_status read_op(const stator_instance *instance, const stator_request *request) {
  char text[40];
  const int size = snprintf(text, sizeof text, "{\"total\":%" PRIu64 "}", total_of(request));
  (void)instance;
  return put(request->call, text, (size_t)size) ? STATOR_OK : too_large(request->call);
}

/* counter_add, the only WRITE op. */
static stator_status prepare_op(const stator_instance *instance, const stator_request *request) {
  const stator_bytes name = name_of(request);
  uint8_t payload[TOTAL_BYTES + NAME_BYTES_MAX];
  const stator_bytes record = {payload, TOTAL_BYTES + name.size};
  char text[48];
  uint64_t total = total_of(request);
  stator_status status;
  int size;
  (void)instance;
  if (__builtin_add_overflow(total, stator_arg_values(request->args)[ARG_BY].u64, &total)) {
    return refuse(request->call, STATOR_E_REJECTED_CONSTRAINT, "by", "the total would overflow");
  }
  memcpy(payload, &total, TOTAL_BYTES);
  memcpy(payload + TOTAL_BYTES, name.data, name.size);
  status = records->add(request->call, request->vshard, RECORD_SET, record);
  if (status != STATOR_OK) return status;
  size = snprintf(text, sizeof text, "{\"total\":%" PRIu64 ",\"lsn\":", total);
  if (!put(request->call, text, (size_t)size)) return too_large(request->call);
  reply->lsn_here(request->call);
  return put(request->call, "}", 1) ? STATOR_OK : too_large(request->call);
}

static stator_status apply(stator_instance *instance, const stator_record *record) {
  const stator_bytes total = {record->payload.data, TOTAL_BYTES};
  const stator_bytes name = {record->payload.data + TOTAL_BYTES, record->payload.size - TOTAL_BYTES};
  (void)instance;
  kv->put(record->call, SPACE, record->vshard, name, total);
  return STATOR_OK;
}

/* ---- the rows ------------------------------------------------------------------------------ */
static const stator_arg kArgs[] = {
    {.struct_size = sizeof(stator_arg),
     .type = STATOR_ARG_STR,
     .flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY,
     .name = "name",
     .doc = "Which total.",
     .min = 1,
     .max = NAME_BYTES_MAX},
    {.struct_size = sizeof(stator_arg),
     .type = STATOR_ARG_U64,
     .name = "by",
     .doc = "How much to add.",
     .default_json = "1"}};

static const stator_op kAdd = {.struct_size = sizeof(stator_op),
                               .op_class = STATOR_OP_WRITE,
                               .permission = STATOR_PERM_WRITE,
                               .placement = STATOR_PLACE_DOCUMENT,
                               .cost = STATOR_COST_POINT,
                               .arg_count = 2,
                               .name = "counter_add",
                               .doc = "Adds to a total.",
                               .result = "{\"total\":N,\"lsn\":N}",
                               .example = "{\"op\":\"counter_add\",\"name\":\"hits\",\"by\":2}",
                               .args = kArgs};

static const stator_op kGet = {.struct_size = sizeof(stator_op),
                               .op_class = STATOR_OP_READ,
                               .permission = STATOR_PERM_READ,
                               .placement = STATOR_PLACE_DOCUMENT,
                               .cost = STATOR_COST_POINT,
                               .arg_count = 1,
                               .name = "counter_get",
                               .doc = "Reads a total.",
                               .result = "{\"total\":N}",
                               .example = "{\"op\":\"counter_get\",\"name\":\"hits\"}",
                               .args = kArgs};

static const stator_op *const kOps[] = {&kAdd, &kGet};

static const stator_engine_v1 kEngine = {.struct_size = sizeof(stator_engine_v1),
                                         .abi_major = STATOR_ABI_MAJOR,
                                         .abi_minor = STATOR_NEEDS_ABI_MINOR,
                                         .op_count = 2,
                                         .id = "counter",
                                         .version = "1.0.0",
                                         .vendor = "you",
                                         .doc = "Named totals.",
                                         .ops = kOps,
                                         .open = open_lane,
                                         .close = close_lane,
                                         .read = read_op,
                                         .prepare = prepare_op,
                                         .apply = apply};

STATOR_ENGINE_NOTE("counter", "1.0.0")
STATOR_EXPORT const stator_engine_v1 *stator_engine_entry_v1(const stator_kernel_hello *hello) {
  if (hello->abi_major != STATOR_ABI_MAJOR) return NULL;
  reply = hello->get_service(STATOR_SERVICE_REPLY);
  records = hello->get_service(STATOR_SERVICE_RECORDS);
  kv = hello->get_service(STATOR_SERVICE_KV);
  return reply != NULL && records != NULL && kv != NULL ? &kEngine : NULL;
}
