#include "server/change_event.h"

#include <string_view>

#include "stator/json_writer.hpp"

#include "base/base64.h"
#include "base/limits.h"
#include "plugin/engine_scope.h"

namespace stator::server {
namespace {

// Room for the rest of an event: collection and key, every byte of them escaped.
constexpr std::size_t kEnvelopeBytes = 8192;
constexpr std::size_t kValueBytesMax = kPayloadBytesMax - kEnvelopeBytes;
constexpr std::size_t kKeptValueBytes = 64 * 1024;

class BufferOut : public json::Out {
 public:
  explicit BufferOut(ByteBuffer& buffer) : buffer_(buffer) {
    grow = [](json::Out& out, std::size_t bytes) {
      auto& self = static_cast<BufferOut&>(out);
      self.finish();
      const std::size_t room = bytes < kStep ? kStep : bytes;
      self.cursor = self.buffer_.reserve(room);
      self.limit = self.cursor + room;
      return true;
    };
  }
  void finish() {
    if (cursor != nullptr)
      buffer_.commit(static_cast<std::size_t>(cursor - (buffer_.data() + buffer_.size())));
    cursor = limit = nullptr;
  }

 private:
  static constexpr std::size_t kStep = 256;
  ByteBuffer& buffer_;
};

struct ValueSink : stator_sink {
  explicit ValueSink(ByteBuffer& to) : stator_sink{}, buffer(to) {
    struct_size = sizeof(stator_sink);
    reserved = 0;
    stator_sink::reserve = [](stator_sink* sink, std::uint64_t bytes) -> char* {
      ByteBuffer& into = static_cast<ValueSink*>(sink)->buffer;
      return bytes > kValueBytesMax - into.size() ? nullptr : into.reserve(bytes);
    };
    stator_sink::commit = [](stator_sink* sink, std::uint64_t bytes) {
      static_cast<ValueSink*>(sink)->buffer.commit(bytes);
    };
  }
  ByteBuffer& buffer;
};

bool fits(const stator_change& change, std::size_t value_bytes) {
  return change.value_is_binary == 0 || base64_encoded_bytes(value_bytes) <= kValueBytesMax;
}

void write_value(json::Writer& json, const stator_change& change, ByteView value) {
  json.key("value");
  change.value_is_binary != 0 ? json.string(base64_encode(value)) : json.raw(value);
}

}  // namespace

ChangeWriter::ChangeWriter(const plugin::Catalog& catalog,
                           const std::map<std::string, EngineNumber>& numbers) {
  for (const auto& [id, number] : numbers) sources_[number.value()].id = id;
  for (const auto& engine : catalog.engines()) {
    sources_[engine->number.value()] = {engine->id, engine.get()};
  }
}

bool ChangeWriter::is_shown(const wal::RecordView& record, const ChangeQuery& query) {
  if (record.tenant != query.tenant || record.tenant == TenantId{0}) return false;
  if (record.engine == EngineNumber{0} || record.vshard == kEveryVShard) return false;
  if (record.type >= STATOR_RECORD_UNTOLD) return false;
  return query.collection.empty() || record.collection == query.collection;
}

void ChangeWriter::write(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms,
                         bool has_values, ByteBuffer& out) {
  value_.rest(kKeptValueBytes);
  const Source& source = sources_[record.engine.value()];
  const stator_bytes payload{reinterpret_cast<const std::uint8_t*>(record.payload.data()),
                             record.payload.size()};
  stator_change change{};
  change.struct_size = sizeof change;
  ValueSink sink(value_);
  stator_status status = STATOR_E_UNSUPPORTED;
  if (source.engine != nullptr && source.engine->descriptor.describe_change != nullptr) {
    const plugin::EngineScope scope(*source.engine, "change");
    status = source.engine->descriptor.describe_change(record.type, payload, &change,
                                                       has_values ? &sink : nullptr);
  }
  // An engine that gives up because of the value's size has said the rest.
  const bool is_cut = change.kind != nullptr &&
                      (status == STATOR_E_FAN_OUT_EXCEEDED || !fits(change, value_.size()));
  const bool is_described = change.kind != nullptr && (status == STATOR_OK || is_cut);
  BufferOut text(out);
  json::Writer json(text);
  json.begin_object()
      .field("event", std::string_view(is_described ? change.kind : "changed"))
      .field("lsn", lsn.value())
      .field("time_ms", time_ms)
      .field("collection", std::string_view(record.collection))
      .field("engine", std::string_view(source.id));
  if (is_described && change.key.size > 0) {
    json.field("key", std::string_view(change.key.data, change.key.size));
  }
  if (is_cut) {
    json.field("value_omitted", true);
  } else if (is_described && !value_.empty()) {
    write_value(json, change, value_.view());
  }
  json.end_object();
  text.finish();
}

void ChangeWriter::write_gap(Lsn from, Lsn to, ByteBuffer& out) {
  BufferOut text(out);
  json::Writer(text)
      .begin_object()
      .field("event", "gap")
      .field("from", from.value())
      .field("to", to.value())
      .end_object();
  text.finish();
}

void ChangeWriter::write_subscribed(Lsn from, ByteBuffer& out) {
  BufferOut text(out);
  json::Writer(text)
      .begin_object()
      .field("event", "subscribed")
      .field("from_lsn", from.value())
      .end_object();
  text.finish();
}

}  // namespace stator::server
