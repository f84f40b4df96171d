#include "control/http/reply.h"

#include <charconv>
#include <ctime>

#include "stator/json_writer.hpp"

namespace stator::http {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

// IMF-fixdate (RFC 9110, 5.6.7). Not strftime: that one's names of days depend on the locale.
std::string write_date(std::time_t seconds) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm at{};
  gmtime_r(&seconds, &at);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d GMT", kDays[at.tm_wday],
                at.tm_mday, kMonths[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min,
                at.tm_sec);
  return text;
}

// Written once a second on each thread.
const std::string& date_of(std::uint64_t unix_ms) {
  thread_local std::time_t second = -1;
  thread_local std::string text;
  const auto now = static_cast<std::time_t>(unix_ms / 1000);
  if (now != second) text = write_date(now);
  second = now;
  return text;
}

void write_start(const Reply& reply, std::uint64_t date_ms, ByteBuffer& out) {
  out.append("HTTP/1.1 ");
  out.append(std::to_string(reply.status));
  out.append(" ");
  out.append(reason_of(reply.status));
  out.append("\r\nDate: ");
  out.append(date_of(date_ms));
  out.append("\r\n");
  if (!reply.type.empty()) {
    out.append("Content-Type: ");
    out.append(reply.type);
    out.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
  }
  out.append(reply.fields);
}

}  // namespace

void write_head(const Reply& reply, std::size_t length, std::uint64_t date_ms, ByteBuffer& out) {
  write_start(reply, date_ms, out);
  // Neither a 204 nor a 101 says how long its body is: it has none (RFC 9110, 8.6).
  if (reply.status != 204 && reply.status != 101) {
    out.append("Content-Length: " + std::to_string(length) + "\r\n");
  }
  out.append("\r\n");
}

void write_chunked_head(const Reply& reply, bool has_chunks, std::uint64_t date_ms,
                        ByteBuffer& out) {
  write_start(reply, date_ms, out);
  out.append(has_chunks ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
}

void write_chunk(ByteView bytes, ByteBuffer& out) {
  char size[16];
  const char* end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
  out.append({size, static_cast<std::size_t>(end - size)});
  out.append("\r\n");
  out.append(bytes);
  out.append("\r\n");
}

std::string error_body(const Error& error) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("status", std::string_view("error")).key("payload").null();
  json.field("error_code", wire_name(error.code()))
      .field("code", static_cast<std::int32_t>(error.code()))
      .field("error", std::string_view(error.sentence()))
      .field("retryable", is_retryable(error.code()));
  if (!error.field().empty()) json.field("field", std::string_view(error.field()));
  if (error.retry_after_ms() != 0) json.field("retry_after_ms", error.retry_after_ms());
  if (!error.hint().empty()) json.field("hint", std::string_view(error.hint()));
  json.end_object();
  return out.take();
}

}  // namespace stator::http
