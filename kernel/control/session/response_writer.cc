#include "control/session/response_writer.h"

#include <charconv>
#include <cstring>


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

// Beside payload and id, an ok frame has two numbers and this much text at most.
constexpr std::size_t kOkFrameBytes = 192;

char* put(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* put_payload(char* to, const bridge::Task& task) {
  const ByteView payload = task.payload.view();
  if (task.payload_format == bridge::PayloadFormat::kJson && !task.payload_is_binary) {
    return put(to, payload.empty() ? ByteView("null") : payload);
  }
  *to++ = '"';
  base64_encode(payload, to);
  to += base64_encoded_bytes(payload.size());
  *to++ = '"';
  return to;
}

}  // namespace

// The frame of nearly every answer, so its room is reserved once and nothing is checked in between.
void write_response(const bridge::Task& task, Lsn watermark, ByteBuffer& buffer) {
  if (task.code != ErrorCode::kOk) return write_error(task, watermark, buffer);
  const std::size_t bytes_max =
      kOkFrameBytes + task.client_id.size() + base64_encoded_bytes(task.payload.size());
  char* const frame = buffer.reserve(bytes_max);
  char* const end = frame + bytes_max;
  char* to = put(frame + wire::kPrefixBytes, R"({"request_id":)");
  to = std::to_chars(to, end, task.request_id).ptr;
  if (!task.client_id.empty()) to = put(put(to, R"(,"id":)"), task.client_id);
  to = put_payload(put(to, R"(,"status":"ok","payload":)"), task);
  to = std::to_chars(put(to, R"(,"watermark_lsn":)"), end, watermark.value()).ptr;
  to = put(to, R"(,"error_code":null})");
  const auto bytes = static_cast<std::size_t>(to - frame);
  STATOR_DASSERT(bytes <= bytes_max);
  store_big32(frame, static_cast<std::uint32_t>(bytes - wire::kPrefixBytes));
  buffer.commit(bytes);
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
