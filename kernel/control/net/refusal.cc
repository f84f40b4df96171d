#include "control/net/refusal.h"

#include "base/clock.h"
#include "bridge/task.h"
#include "control/http/reply.h"
#include "control/session/response_writer.h"

namespace stator::net {

void write_refusal(const Error& error, bool is_http, Lsn watermark, ByteBuffer& out) {
  if (!is_http) {
    bridge::Task task;
    task.refuse(error);
    return session::write_response(task, watermark, out);
  }
  const std::string body = http::error_body(error);
  const http::Reply reply{503, http::kJson, "Retry-After: 1\r\nConnection: close\r\n"};
  http::write_head(reply, body.size(), system_clock().wall_ms(), out);
  out.append(body);
}

}  // namespace stator::net
