// C++20 over the C contract (stator/engine.h, which says what each call promises).
//
// An engine is a class E with
//   static EngineDescription<E> describe();
//   static std::unique_ptr<E> open(const Open& open);      // throws OpenError to refuse
//   void apply(const Record& record, KvWriter& kv);        // the only mutator
//   static Change describe_change(std::uint32_t type, std::string_view payload, ChangeValue& value);
//                                                          // optional: for readers of the change log
//   Status work(const Work& work, Records& records, Reply& reply) const;
//                                                          // optional: what no client asked for
//   bool forget(std::uint32_t tenant);                     // optional: a part of it; false: all
// and one Op<E> per operation, whose handlers get a const E&: a handler that changes state does
// not compile. STATOR_DEFINE_ENGINE(E) in one source file exports the entry symbol.
// Exceptions stop at the edge: in read, prepare and merge they become `internal`.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "stator/args.hpp"
#include "stator/change.hpp"
#include "stator/declare.hpp"
#include "stator/engine.h"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

namespace stator {

using Status = stator_status;

namespace detail {
template <class E>
class Edge;

struct Services {
  const stator_reply_service* reply = nullptr;
  const stator_records_service* records = nullptr;
  const stator_kv_service* kv = nullptr;
  const stator_mem_service* mem = nullptr;
  const stator_call_service* call = nullptr;
  const stator_rows_service* rows = nullptr;
  const stator_log_service* log = nullptr;
  const stator_pause_service* pause = nullptr;
  const stator_work_service* work = nullptr;
};
inline Services services;
}  // namespace detail

// Ordered walk; see stator_kv_service.scan.
class Cursor {
 public:
  explicit Cursor(stator_kv_cursor* cursor) : cursor_(cursor) {}
  bool next() { return detail::services.kv->next(cursor_, &entry_) != 0; }
  std::string_view key() const { return view(entry_.key); }
  std::string_view value() const { return view(entry_.value); }
  std::uint32_t vshard() const { return entry_.vshard; }

 private:
  stator_kv_cursor* cursor_;
  stator_kv_entry entry_{};
};

struct ScanOptions {
  std::string_view lower = {};  // inclusive; empty = from the first
  std::string_view upper = {};  // exclusive; empty = to the last
  bool reverse = false;
};

class Kv {
 public:
  explicit Kv(stator_call* call) : call_(call) {}
  // False if absent. The value lasts until the engine returns.
  bool get(std::uint8_t space, std::string_view key, std::string_view& value) const {
    stator_bytes out{};
    if (detail::services.kv->get(call_, space, as_bytes(key), &out) == 0) return false;
    value = view(out);
    return true;
  }
  // get() is about to be called for these keys, in this order: a hint, for speed alone.
  void prefetch(std::uint8_t space, std::span<const std::string_view> keys) const {
    std::array<stator_bytes, STATOR_KV_PREFETCH_KEYS> raw;
    const std::size_t count = std::min(keys.size(), raw.size());
    for (std::size_t i = 0; i < count; ++i) raw[i] = as_bytes(keys[i]);
    detail::services.kv->prefetch(call_, space, raw.data(), count);
  }
  Cursor scan(std::uint8_t space, const ScanOptions& options = {}) const {
    return Cursor(detail::services.kv->scan(call_, space, as_bytes(options.lower),
                                            as_bytes(options.upper), options.reverse ? 1 : 0));
  }

 protected:
  stator_call* call_;
};

// Handed to apply alone; nobody else can make one.
class KvWriter : public Kv {
 public:
  void put(std::uint8_t space, std::uint32_t vshard, std::string_view key, std::string_view value) {
    detail::services.kv->put(call_, space, vshard, as_bytes(key), as_bytes(value));
  }
  void erase(std::uint8_t space, std::string_view key) {
    detail::services.kv->erase(call_, space, as_bytes(key));
  }

 private:
  template <class E>
  friend class detail::Edge;
  explicit KvWriter(stator_call* call) : Kv(call) {}
};

struct CallResult {
  Status status;
  bool is_binary;
  std::string_view payload;
  std::string_view detail;
};

// Which rows (packed JSON) the caller may see and write; see stator_rows_service. Valid during the
// call; make it once, it then costs one test where no policy binds the caller.
class Rows {
 public:
  explicit Rows(stator_call* call)
      : call_(call),
        // A kernel without the service has no row policies.
        is_bound_(detail::services.rows != nullptr && detail::services.rows->is_bound(call) != 0) {}
  bool is_bound() const { return is_bound_; }
  bool is_visible(std::string_view row) const {
    return !is_bound_ || detail::services.rows->is_visible(call_, as_bytes(row)) != 0;
  }
  bool may_write(std::string_view row) const {
    return !is_bound_ || detail::services.rows->may_write(call_, as_bytes(row)) != 0;
  }
  // return rows.refuse();
  Status refuse() const { return detail::services.rows->refuse(call_); }

 private:
  stator_call* call_;
  bool is_bound_;
};

class Request {
 public:
  explicit Request(const stator_request* raw) : raw_(raw) {}
  std::uint32_t op_index() const { return raw_->op_index; }
  std::uint32_t tenant() const { return raw_->tenant; }
  std::uint32_t vshard() const { return raw_->vshard; }
  std::string_view collection() const { return view(raw_->collection); }
  std::uint64_t time_ms() const { return raw_->time_ms; }
  Args args() const { return Args(raw_->args); }
  Kv kv() const { return Kv(raw_->call); }
  // Stop now. An op with STATOR_OP_PAUSES may be paused in here while others run: what the engine
  // holds in memory may be different afterwards, what kv has lent and will show is not.
  bool interrupted() const {
    const std::uint32_t word = __atomic_load_n(raw_->interrupt, __ATOMIC_RELAXED);
    if (word != STATOR_INTERRUPT_ASK) return word != 0;
    return detail::services.pause->look(raw_->call) != 0;
  }
  Rows rows() const { return Rows(raw_->call); }
  // In merge of a WRITE op: return request.later(); where what the client waits for is not done
  // yet.
  Status later() const { return detail::services.work->later(raw_->call); }
  // A READ op of another engine, by the wire name listed in requires_ops.
  CallResult call(std::string_view op, std::string_view args_json) const {
    stator_call_result r{};
    r.struct_size = sizeof r;
    const Status status =
        detail::services.call->read(raw_->call, as_str(op), as_str(args_json), &r);
    return {status, r.is_binary != 0, view(r.payload), view(r.detail)};
  }
  // Memory that lives until the handler returns.
  void* allocate(std::size_t bytes, std::size_t align = 16) const {
    return detail::services.mem->allocate(raw_->call, bytes, align);
  }
  stator_call* raw_call() const { return raw_->call; }

 private:
  const stator_request* raw_;
};

// One turn of work; see stator_engine_v1.work. interrupted(): the slice is over, wake for the rest.
class Work : public Request {
 public:
  explicit Work(const stator_work* raw) : Request(raw->request), raw_(raw) {}
  // Of the turn before; STATOR_OK: it was written.
  Status refusal() const { return raw_->refusal; }
  std::string_view refusal_field() const { return view(raw_->refusal_field); }
  std::string_view refusal_sentence() const { return view(raw_->refusal_sentence); }
  std::string_view note() const { return view(raw_->note); }
  // Once more, at that time (Unix ms).
  void wake(std::uint64_t at_ms = 0) const {
    detail::services.work->wake(raw_call(), tenant(), as_str(collection()), at_ms);
  }
  // The same on every lane at one moment, with this note.
  void everywhere(std::string_view note) const {
    detail::services.work->everywhere(raw_call(), as_bytes(note));
  }

 private:
  const stator_work* raw_;
};

// The answer. Write JSON through json(), or bytes through write(); finish() is called by the edge.
class Reply : private json::Out {
 public:
  explicit Reply(stator_call* call) : call_(call) {
    grow = [](json::Out& out, std::size_t bytes) {
      auto& self = static_cast<Reply&>(out);
      self.flush();
      const std::size_t room = bytes < kChunk ? kChunk : bytes;
      char* p = detail::services.reply->reserve(self.call_, room);
      self.start_ = self.cursor = p;
      self.limit = p == nullptr ? nullptr : p + room;
      return p != nullptr;
    };
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  json::Writer json() { return json::Writer(*this); }
  void write(std::string_view bytes) { put(bytes); }
  void set_binary() { detail::services.reply->set_binary(call_); }
  // Bytes that were written so far.
  std::size_t size() const { return flushed_ + static_cast<std::size_t>(cursor - start_); }
  // In prepare, once, where a JSON value is due: the LSN of the first record.
  void lsn(json::Writer& writer) {
    writer.separate();
    flush();
    detail::services.reply->lsn_here(call_);
  }
  // return reply.fail(STATOR_E_NOT_FOUND, "document_id", "no such document");
  Status fail(Status code, const char* field, std::string_view sentence) {
    return detail::services.reply->fail(call_, code, field, sentence.data(), sentence.size());
  }
  // Of an op with STATOR_ARG_CURSOR: there is more, and the next page begins there. An older server
  // lets clients ask for each page.
  void more(std::string_view next_page) {
    if (STATOR_HAS(detail::services.reply, more))
      detail::services.reply->more(call_, as_str(next_page));
  }
  // Hands over what is written; false if the answer exceeded the frame limit.
  bool finish() {
    flush();
    return !failed;
  }

 private:
  static constexpr std::size_t kChunk = 4096;
  void flush() {
    const auto bytes = static_cast<std::size_t>(cursor - start_);
    if (bytes != 0) detail::services.reply->commit(call_, bytes);
    flushed_ += bytes;
    start_ = cursor = limit = nullptr;
  }
  stator_call* call_;
  char* start_ = nullptr;
  std::size_t flushed_ = 0;
};

// The records of one request exceed a batch of the log; becomes `resources_exhausted` at the edge.
class RecordsFull : public std::length_error {
 public:
  RecordsFull()
      : std::length_error("the request writes more than one batch of the log holds; ask for less") {
  }
};

// A key that one owner may have; see stator_claim.
struct ClaimOptions {
  bool is_free = false;
  bool names_owners = false;
  std::uint8_t space = 0;
  std::uint32_t type = 0;
  std::string_view key;
  std::string_view owner;
  const char* field = nullptr;
  std::string_view sentence;
};

// Handed to prepare alone; nobody else can make one.
class Records {
 public:
  void claim(const ClaimOptions& claim) {
    const stator_claim raw = {
        sizeof raw,
        (claim.is_free ? std::uint32_t{STATOR_CLAIM_FREE} : 0u) |
            (claim.names_owners ? std::uint32_t{STATOR_CLAIM_NAMES_OWNERS} : 0u),
        claim.space,
        claim.type,
        as_bytes(claim.key),
        as_bytes(claim.owner),
        claim.field,
        as_str(claim.sentence)};
    const Status status = detail::services.records->claim(call_, &raw);
    if (status == STATOR_E_UNSUPPORTED)
      throw std::runtime_error("the server does not know this kind of claim");
    if (status != STATOR_OK) throw RecordsFull();
  }
  void together() { detail::services.records->together(call_); }
  void add(std::uint32_t vshard, std::uint32_t type, std::string_view payload) {
    const Status status = detail::services.records->add(call_, vshard, type, as_bytes(payload));
    if (status != STATOR_OK) throw RecordsFull();
  }

 private:
  template <class E>
  friend class detail::Edge;
  explicit Records(stator_call* call) : call_(call) {}
  stator_call* call_;
};

class Record {
 public:
  explicit Record(const stator_record* raw) : raw_(raw) {}
  std::uint32_t type() const { return raw_->type; }
  std::uint32_t tenant() const { return raw_->tenant; }
  std::uint32_t vshard() const { return raw_->vshard; }
  std::string_view collection() const { return view(raw_->collection); }
  std::string_view payload() const { return view(raw_->payload); }
  std::uint64_t lsn() const { return raw_->lsn; }
  std::uint64_t time_ms() const { return raw_->time_ms; }
  // E::work is to be called for this collection at that time (Unix ms; 0: soon).
  void wake(std::uint64_t at_ms = 0) const {
    detail::services.work->wake(raw_->call, raw_->tenant, raw_->collection, at_ms);
  }

 private:
  const stator_record* raw_;
};

// An entry met by Open::visit_all.
struct StoredEntry {
  std::uint32_t tenant;
  std::string_view collection;
  std::uint32_t vshard;
  std::string_view key;
  std::string_view value;
};

class OpenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Open {
 public:
  explicit Open(const stator_open* raw) : raw_(raw) {}
  std::uint32_t lane() const { return raw_->lane; }
  std::uint32_t lane_count() const { return raw_->lane_count; }
  std::string_view config_json() const { return view(raw_->config_json); }
  // Visits every entry of the engine's space on this lane: visit(const StoredEntry&).
  template <class Visit>
  void visit_all(std::uint8_t space, Visit&& visit) const {
    const auto thunk = [](void* context, std::uint32_t tenant, stator_str collection,
                          const stator_kv_entry* entry) {
      (*static_cast<std::remove_reference_t<Visit>*>(context))(
          StoredEntry{tenant, view(collection), entry->vshard, view(entry->key), view(entry->value)});
      return 0;
    };
    detail::services.kv->visit_all(raw_->call, space, thunk, &visit);
  }
  // E::work is to be called for this collection at that time (Unix ms; 0: soon).
  void wake(std::uint32_t tenant, std::string_view collection, std::uint64_t at_ms = 0) const {
    detail::services.work->wake(raw_->call, tenant, as_str(collection), at_ms);
  }

 private:
  const stator_open* raw_;
};

// The lanes' parts of an ALL or ROWS op.
class Parts {
 public:
  Parts(const stator_bytes* parts, std::uint64_t count) : parts_(parts), count_(count) {}
  std::size_t size() const { return static_cast<std::size_t>(count_); }
  std::string_view operator[](std::size_t i) const { return view(parts_[i]); }

 private:
  const stator_bytes* parts_;
  std::uint64_t count_;
};

// One row of the op table with its handlers; a READ op has read, a WRITE op prepare.
template <class E>
struct Op {
  stator_op row;
  Status (*read)(const E& engine, const Request& request, Reply& reply) = nullptr;
  Status (*prepare)(const E& engine, const Request& request, Records& records, Reply& reply) = nullptr;
  Status (*merge)(const E& engine, const Request& request, const Parts& parts, Reply& reply) = nullptr;
};

template <class E>
struct EngineDescription {
  const char* id;
  const char* version;
  const char* vendor;
  const char* doc;
  std::span<const Op<E>* const> ops;
  std::span<const stator_config_key> config_keys = {};
  // kv spaces that can be made again from the others, and so are in no digest.
  std::span<const std::uint8_t> derived_spaces = {};
};

namespace detail {

template <class E>
class Edge {
 public:
  static const stator_engine_v1* entry(const stator_kernel_hello* hello) noexcept {
    if (hello->abi_major != STATOR_ABI_MAJOR) return nullptr;
    const auto fetch = [&](const char* id) { return hello->get_service(id); };
    services.reply = static_cast<const stator_reply_service*>(fetch(STATOR_SERVICE_REPLY));
    services.records = static_cast<const stator_records_service*>(fetch(STATOR_SERVICE_RECORDS));
    services.kv = static_cast<const stator_kv_service*>(fetch(STATOR_SERVICE_KV));
    services.mem = static_cast<const stator_mem_service*>(fetch(STATOR_SERVICE_MEM));
    services.call = static_cast<const stator_call_service*>(fetch(STATOR_SERVICE_CALL));
    services.rows = static_cast<const stator_rows_service*>(fetch(STATOR_SERVICE_ROWS));
    services.log = static_cast<const stator_log_service*>(fetch(STATOR_SERVICE_LOG));
    services.pause = static_cast<const stator_pause_service*>(fetch(STATOR_SERVICE_PAUSE));
    services.work = static_cast<const stator_work_service*>(fetch(STATOR_SERVICE_WORK));
    static const Edge kEdge;
    return &kEdge.engine_;
  }

 private:
  Edge() : description_(E::describe()) {
    for (const Op<E>* op : description_.ops) rows_.push_back(&op->row);
    engine_.struct_size = sizeof engine_;
    engine_.abi_major = STATOR_ABI_MAJOR;
    engine_.abi_minor = STATOR_NEEDS_ABI_MINOR;
    engine_.op_count = static_cast<std::uint32_t>(rows_.size());
    engine_.id = description_.id;
    engine_.version = description_.version;
    engine_.vendor = description_.vendor;
    engine_.doc = description_.doc;
    engine_.ops = rows_.data();
    engine_.config_keys = description_.config_keys.data();
    engine_.config_key_count = description_.config_keys.size();
    engine_.open = &open;
    engine_.close = [](stator_instance* instance) { delete reinterpret_cast<E*>(instance); };
    engine_.read = &read;
    engine_.prepare = &prepare;
    engine_.apply = &apply;
    engine_.merge = &merge;
    engine_.derived_spaces = description_.derived_spaces.data();
    engine_.derived_space_count = description_.derived_spaces.size();
    if constexpr (requires { &E::describe_change; }) engine_.describe_change = &describe_change;
    if constexpr (requires { &E::work; }) engine_.work = &work;
    if constexpr (requires { &E::forget; }) {
      engine_.forget = [](stator_instance* instance, std::uint32_t tenant) noexcept {
        return reinterpret_cast<E*>(instance)->forget(tenant) ? 1 : 0;
      };
    }
  }

  static const Op<E>& op(std::uint32_t index) {
    static const EngineDescription<E> kDescription = E::describe();
    return *kDescription.ops[index];
  }
  static const E& engine(const stator_instance* instance) {
    return *reinterpret_cast<const E*>(instance);
  }

  // Nothing that is thrown passes any of these, whatever its type: in a library with a C++ runtime of
  // its own nobody above could catch it.
  static constexpr const char* kThrown = "the engine threw what is no std::exception";

  static Status open(const stator_open* raw, stator_instance** out, char* error,
                     std::uint64_t error_size) noexcept {
    const auto refuse = [&](std::string_view text) {
      const std::size_t size = std::min<std::size_t>(text.size(), error_size - 1);
      std::memcpy(error, text.data(), size);
      error[size] = '\0';
      return STATOR_E_INTERNAL;
    };
    try {
      *out = reinterpret_cast<stator_instance*>(E::open(Open(raw)).release());
      return STATOR_OK;
    } catch (const std::exception& fault) {
      return refuse(fault.what());
    } catch (...) {
      return refuse(kThrown);
    }
  }
  // Runs a handler and hands its answer over.
  template <class Handler>
  static Status answer(stator_call* call, Handler&& handler) {
    Reply reply(call);
    try {
      const Status status = handler(reply);
      if (status != STATOR_OK) return status;
      return reply.finish() ? STATOR_OK
                            : reply.fail(STATOR_E_FAN_OUT_EXCEEDED, nullptr,
                                         "the answer exceeds the frame limit; ask for less");
    } catch (const RecordsFull& full) {
      return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, nullptr, full.what());
    } catch (const std::bad_alloc&) {
      return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, nullptr, "there is no memory for it");
    } catch (const std::exception& fault) {
      return reply.fail(STATOR_E_INTERNAL, nullptr, fault.what());
    } catch (...) {
      return reply.fail(STATOR_E_INTERNAL, nullptr, kThrown);
    }
  }
  static Status read(const stator_instance* instance, const stator_request* raw) noexcept {
    return answer(raw->call, [&](Reply& reply) {
      const auto& read = op(raw->op_index).read;
      if (read == nullptr) return reply.fail(STATOR_E_INTERNAL, nullptr, "the op has no .read");
      return read(engine(instance), Request(raw), reply);
    });
  }
  static Status prepare(const stator_instance* instance, const stator_request* raw) noexcept {
    return answer(raw->call, [&](Reply& reply) {
      const auto& prepare = op(raw->op_index).prepare;
      if (prepare == nullptr) return reply.fail(STATOR_E_INTERNAL, nullptr, "the op has no .prepare");
      Records records(raw->call);
      return prepare(engine(instance), Request(raw), records, reply);
    });
  }
  static Status work(const stator_instance* instance, const stator_work* raw) noexcept {
    return answer(raw->request->call, [&](Reply& reply) {
      Records records(raw->request->call);
      return engine(instance).work(Work(raw), records, reply);
    });
  }
  static Status merge(const stator_instance* instance, const stator_request* raw,
                      const stator_bytes* parts, std::uint64_t part_count) noexcept {
    return answer(raw->call, [&](Reply& reply) {
      const auto& merge = op(raw->op_index).merge;
      if (merge == nullptr) return reply.fail(STATOR_E_INTERNAL, nullptr, "the op has no .merge");
      return merge(engine(instance), Request(raw), Parts(parts, part_count), reply);
    });
  }
  static Status apply(stator_instance* instance, const stator_record* raw) noexcept {
    try {
      KvWriter kv(raw->call);
      reinterpret_cast<E*>(instance)->apply(Record(raw), kv);
      return STATOR_OK;
    } catch (...) {
      return STATOR_E_INTERNAL;
    }
  }

  static Status describe_change(std::uint32_t type, stator_bytes payload, stator_change* change,
                                stator_sink* sink) noexcept {
    try {
      ChangeValue value(sink);
      const Change described = E::describe_change(type, view(payload), value);
      change->kind = described.kind;
      change->key = as_str(described.key);
      change->value_is_binary = value.is_binary() ? 1 : 0;
      return value.finish() ? STATOR_OK : STATOR_E_FAN_OUT_EXCEEDED;
    } catch (...) {
      return STATOR_E_INTERNAL;
    }
  }

  EngineDescription<E> description_;
  std::vector<const stator_op*> rows_;
  stator_engine_v1 engine_{};
};

}  // namespace detail

}  // namespace stator

// Defines the library's entry. STATOR_ENTRY_NAME may rename it where several engines are linked
// into one program (unit tests).
#ifndef STATOR_ENTRY_NAME
#define STATOR_ENTRY_NAME stator_engine_entry_v1
#endif
#define STATOR_DEFINE_ENGINE(E)                                                                     \
  extern "C" STATOR_EXPORT const stator_engine_v1* STATOR_ENTRY_NAME(const stator_kernel_hello* hello) { \
    return stator::detail::Edge<E>::entry(hello);                                                  \
  }
