// The responses of an exchange.
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "control/http/event_source.h"
#include "control/http/exchange.h"
#include "control/http/metrics.h"
#include "control/http/openapi.h"
#include "control/session/response_writer.h"
#include "control/wire/frame.h"

namespace stator::http {
namespace {

constexpr std::string_view kLines = "application/x-ndjson";
constexpr std::string_view kEvents = "text/event-stream";
// When an EventSource comes back: what ended its stream is over soon, or somebody must look at it.
constexpr std::string_view kRetry = "retry: 1000\n";
constexpr std::string_view kHeartbeat = ":\n\n";
constexpr std::uint64_t kNsPerMs = 1'000'000;

// The JSON text of an answer.
void write_answer(const bridge::Task& task, const std::string* members, Lsn watermark,
                  ByteBuffer& frame) {
  if (members != nullptr) return session::write_members(task, *members, watermark, frame);
  session::write_response(task, watermark, frame);
}

ByteView body_of(const ByteBuffer& frame) { return frame.view().substr(wire::kPrefixBytes); }

// One line, whatever white space an engine put between its values: inside strings there is none.
void append_line(ByteView json, ByteBuffer& out) {
  char* to = out.reserve(json.size());
  std::replace_copy_if(
      json.begin(), json.end(), to, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  out.commit(json.size());
}

}  // namespace

std::string Exchange::common_fields() const {
  std::string fields;
  if (request_id_ != 0) fields += "X-Request-Id: " + std::to_string(request_id_) + "\r\n";
  if (closes_) fields += "Connection: close\r\n";
  if (!allow_origin_.empty()) {
    fields += "Access-Control-Allow-Origin: " + allow_origin_ +
              "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: X-Request-Id, Retry-After\r\n";
  }
  return fields;
}

void Exchange::refuse(int status, const Error& error, std::string fields) {
  // The rest of the request is not looked at, so nobody knows where the next one begins.
  if (reader_->state() != RequestReader::State::kDone) closes_ = lingers_ = true;
  reply({status, kJson, std::move(fields)}, error_body(error));
}

void Exchange::reply(Reply reply, ByteView body) {
  put(std::move(reply), body, session_.output());
  finish();
}

void Exchange::put(Reply reply, ByteView body, ByteBuffer& out) {
  reply.fields += common_fields();
  write_head(reply, body.size(), system_clock().wall_ms(), out);
  if (!is_head_only_) out.append(body);
}

void Exchange::finish() {
  reader_.reset();
  is_streaming_ = false;
  since_ns_ = now_ns_;
  state_ = closes_ ? State::kEnd : State::kHead;
}

// The session's answers: it calls in the middle of its work.
void Exchange::last(const bridge::Task& task, const std::string* members, Lsn watermark,
                    ByteBuffer& out) {
  request_id_ = task.request_id;
  closes_ |= session_.is_closing();
  if (state_ == State::kIdentify) return on_identified(task, members, watermark, out);
  ByteBuffer frame;
  // What was to be streamed and is one part has the form of a stream, too.
  if (task.wants_pages && task.code == ErrorCode::kOk) begin_stream(task, out);
  if (is_streaming_) {
    write_answer(task, members, watermark, frame);
    put_lines(frame.view(), nullptr, out);
    return finish();
  }
  if (task.code != ErrorCode::kOk) return put_error(task, watermark, out);
  if (route_ == Route::kMetrics) {
    put({200, kMetricsType, {}}, metrics(front_.stats(), now_ns_), out);
  } else if (route_ == Route::kOpenApi) {
    put({200, kJson, {}}, openapi(*front_.stats().table), out);
  } else {
    write_answer(task, members, watermark, frame);
    put({200, kJson, {}}, body_of(frame), out);
  }
  finish();
}

void Exchange::put_error(const bridge::Task& task, Lsn watermark, ByteBuffer& out) {
  Reply reply{http_status(task.code), kJson, {}};
  if (task.retry_after_ms != 0) {
    reply.fields += "Retry-After: " + std::to_string((task.retry_after_ms + 999) / 1000) + "\r\n";
  }
  if (reply.status == 401) {
    reply.fields +=
        "WWW-Authenticate: Basic realm=\"stator\", charset=\"UTF-8\"\r\n"
        "WWW-Authenticate: Bearer realm=\"stator\"\r\n";
  }
  // Of a request whose body was not read, the end is not known.
  if (reader_ != nullptr && reader_->state() != RequestReader::State::kDone)
    closes_ = lingers_ = true;
  ByteBuffer frame;
  session::write_response(task, watermark, frame);
  put(std::move(reply), body_of(frame), out);
  finish();
}

void Exchange::begin_stream(const bridge::Task& task, ByteBuffer& out) {
  if (std::exchange(is_streaming_, true)) return;
  has_end_ = task.wants_pages;
  Reply reply{200, wants_events_ ? kEvents : kLines, common_fields()};
  write_chunked_head(reply, has_chunks_, system_clock().wall_ms(), out);
  if (wants_events_) put_piece(kRetry, out);
}

void Exchange::parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out) {
  request_id_ = task.request_id;
  begin_stream(task, out);
  has_spoken_ = true;
  ByteBuffer frames;
  session::write_parts(task, watermark, frames);
  put_lines(frames.view(), &task, out);
}

// So that a proxy does not end what is silent, and either side notices that the other is gone.
void Exchange::beat(std::uint64_t now_ns, bool is_read) {
  if (state_ == State::kWebSocket) return socket_->beat(now_ns, is_read);
  if (state_ != State::kAnswer || !is_streaming_ || !wants_events_) return;
  if (std::exchange(has_spoken_, false)) silent_since_ns_ = now_ns;
  if (now_ns < silent_since_ns_ + front_.heartbeat_ms() * kNsPerMs) return;
  if (!session_.output().empty()) return;  // it does not read
  silent_since_ns_ = now_ns;
  put_piece(kHeartbeat, session_.output());
}

void Exchange::put_piece(ByteView bytes, ByteBuffer& out) {
  has_chunks_ ? write_chunk(bytes, out) : out.append(bytes);
}

// Each frame a line, or an event.
void Exchange::put_lines(ByteView frames, const bridge::Task* part, ByteBuffer& out) {
  const bool is_last = part == nullptr;
  ByteBuffer lines;
  for (std::size_t index = 0; !frames.empty(); ++index) {
    const wire::Frame frame = wire::next_frame(frames, kFrameBytesMax);
    if (wants_events_ && !is_last && !part->wants_pages) {
      const Lsn seen = seen_with(*part, index);
      if (seen != Lsn{}) lines.append("id: " + std::to_string(seen.value()) + "\n");
    }
    if (wants_events_) lines.append(is_last ? "event: end\ndata: " : "data: ");
    append_line(frame.body, lines);
    lines.append(wants_events_ ? "\n\n" : "\n");
    frames.remove_prefix(frame.bytes);
  }
  if (!has_chunks_) return out.append(lines.view());
  if (!lines.empty()) write_chunk(lines.view(), out);
  if (is_last) write_chunk({}, out);
}

}  // namespace stator::http
