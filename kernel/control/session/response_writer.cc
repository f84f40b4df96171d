#include "control/session/response_writer.h"

#include <charconv>


#include "base/base64.h"
#include "control/wire/frame.h"
#include "stator/json_writer.hpp"

namespace stator::session {
namespace {

// A frame under construction: room for its prefix, set when the body is done.
class FrameOut : public json::Out {
 public:
  FrameOut(ByteBuffer& buffer, std::size_t bytes_expected) : buffer_(buffer), start_(buffer.size()) {
    grow = [](json::Out& out, std::size_t bytes) {
      auto& self = static_cast<FrameOut&>(out);
      self.settle();
      self.room(bytes < kStep ? kStep : bytes);
      return true;
    };
    buffer_.reserve(wire::kPrefixBytes);
    buffer_.commit(wire::kPrefixBytes);
    room(bytes_expected);
  }
  void finish() {
    settle();
    store_big32(buffer_.data() + start_,
                static_cast<std::uint32_t>(buffer_.size() - start_ - wire::kPrefixBytes));
  }
  char* reserve(std::size_t bytes) {
    need(bytes);
    return cursor;
  }

 private:
  static constexpr std::size_t kStep = 512;
  void room(std::size_t bytes) {
    cursor = buffer_.reserve(bytes);
    limit = cursor + bytes;
  }
  void settle() { buffer_.commit(static_cast<std::size_t>(cursor - (buffer_.data() + buffer_.size()))); }
  ByteBuffer& buffer_;
  std::size_t start_;
};

void put_number(FrameOut& out, std::uint64_t value) {
  char* to = out.reserve(20);
  out.cursor = std::to_chars(to, to + 20, value).ptr;
}

void put_head(FrameOut& out, const bridge::Task& task, std::string_view status) {
  out.put(R"({"request_id":)");
  put_number(out, task.request_id);
  if (!task.client_id.empty()) {
    out.put(R"(,"id":)");
    out.put(task.client_id);
  }
  out.put(R"(,"status":")");
  out.put(status);
  out.put('"');
}

void put_tail(FrameOut& out, Lsn watermark) {
  out.put(R"(,"watermark_lsn":)");
  put_number(out, watermark.value());
}

void put_payload(FrameOut& out, const bridge::Task& task, ByteView payload) {
  out.put(R"(,"payload":)");
  if (task.payload_format == bridge::PayloadFormat::kJson && !task.payload_is_binary) {
    out.put(payload.empty() ? ByteView("null") : payload);
    return;
  }
  out.put('"');
  const std::size_t bytes = base64_encoded_bytes(payload.size());
  base64_encode(payload, out.reserve(bytes));
  out.cursor += bytes;
  out.put('"');
}

void write_error(const bridge::Task& task, Lsn watermark, ByteBuffer& buffer) {
  FrameOut out(buffer, 512 + task.error_sentence.size());
  put_head(out, task, "error");
  out.put(R"(,"payload":null)");
  put_tail(out, watermark);
  out.put(R"(,"error_code":")");
  out.put(wire_name(task.code));
  out.put(R"(","code":)");
  put_number(out, static_cast<std::uint64_t>(task.code));
  out.put(R"(,"error":)");
  json::write_string(out, task.error_sentence.empty() ? wire_name(task.code) : task.error_sentence);
  out.put(is_retryable(task.code) ? R"(,"retryable":true)" : R"(,"retryable":false)");
  if (!task.error_field.empty()) {
    out.put(R"(,"field":)");
    json::write_string(out, task.error_field);
  }
  if (task.retry_after_ms != 0) {
    out.put(R"(,"retry_after_ms":)");
    put_number(out, task.retry_after_ms);
  }
  if (!task.error_hint.empty()) {
    out.put(R"(,"hint":)");
    json::write_string(out, task.error_hint);
  }
  out.put('}');
  out.finish();
}

}  // namespace

void write_response(const bridge::Task& task, Lsn watermark, ByteBuffer& buffer) {
  if (task.code != ErrorCode::kOk) return write_error(task, watermark, buffer);
  FrameOut out(buffer, 192 + task.client_id.size() + base64_encoded_bytes(task.payload.size()));
  put_head(out, task, "ok");
  put_payload(out, task, task.payload.view());
  put_tail(out, watermark);
  out.put(R"(,"error_code":null})");
  out.finish();
}

void write_parts(const bridge::Task& task, Lsn watermark, ByteBuffer& buffer) {
  std::size_t begin = 0;
  for (const std::uint32_t end : task.frame_ends) {
    const ByteView part = task.payload.view().substr(begin, end - begin);
    begin = end;
    FrameOut out(buffer, 192 + task.client_id.size() + base64_encoded_bytes(part.size()));
    put_head(out, task, "partial");
    put_payload(out, task, part);
    put_tail(out, watermark);
    out.put(R"(,"error_code":null})");
    out.finish();
  }
}

void write_members(const bridge::Task& task, std::string_view members, Lsn watermark,
                   ByteBuffer& buffer) {
  FrameOut out(buffer, 192 + members.size());
  put_head(out, task, "ok");
  if (!members.empty()) {
    out.put(',');
    out.put(members);
  }
  put_tail(out, watermark);
  out.put(R"(,"error_code":null})");
  out.finish();
}

}  // namespace stator::session
