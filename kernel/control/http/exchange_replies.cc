// The responses of an exchange.
#include <algorithm>

#include "base/clock.h"
#include "control/http/exchange.h"
#include "control/http/metrics.h"
#include "control/http/openapi.h"
#include "control/session/response_writer.h"
#include "control/wire/frame.h"

namespace stator::http {
namespace {

constexpr std::string_view kLines = "application/x-ndjson";
constexpr std::string_view kEvents = "text/event-stream";

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

void Exchange::refuse(int status, ErrorCode code, std::string sentence, std::string fields) {
  // The rest of the request is not looked at, so nobody knows where the next one begins.
  if (reader_->state() != RequestReader::State::kDone) closes_ = lingers_ = true;
  reply({status, kJson, std::move(fields)}, error_body(Error(code, std::move(sentence))));
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
  if (is_streaming_) {
    write_answer(task, members, watermark, frame);
    put_lines(frame.view(), true, out);
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

void Exchange::parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out) {
  request_id_ = task.request_id;
  if (!is_streaming_) {
    is_streaming_ = true;
    Reply reply{200, wants_events_ ? kEvents : kLines, common_fields()};
    write_chunked_head(reply, has_chunks_, system_clock().wall_ms(), out);
  }
  ByteBuffer frames;
  session::write_parts(task, watermark, frames);
  put_lines(frames.view(), false, out);
}

// Each frame a line, or an event.
void Exchange::put_lines(ByteView frames, bool is_last, ByteBuffer& out) {
  ByteBuffer lines;
  while (!frames.empty()) {
    const wire::Frame frame = wire::next_frame(frames, kFrameBytesMax);
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
