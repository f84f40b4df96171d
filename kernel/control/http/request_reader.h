// The bytes of one HTTP/1.1 request become a head and a body (RFC 9110, RFC 9112). Boost.Beast
// knows the grammar; what it is lenient in, and what two readers of one message could understand in
// two ways, is refused here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_buffer.h"
#include "base/bytes.h"

namespace stator::http {

struct RequestHead {
  std::string method;  // as it was sent: upper case matters
  std::string target;  // "/…" or "*"
  unsigned version = 11;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  bool keeps_alive = true;

  // The first field of that name, given in lower case; empty: none.
  std::string_view field(std::string_view name) const;
  // Whether one of the field's comma-separated tokens is `token`, in lower case.
  bool has_token(std::string_view name, std::string_view token) const;
  bool has_body() const { return is_chunked || content_length.value_or(0) > 0; }
};

// What is wrong with a request as HTTP.
struct Fault {
  int status = 400;
  std::string sentence;
};

class RequestReader {
 public:
  enum class State : std::uint8_t { kHead, kBody, kDone, kBroken };

  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Takes bytes from the front of `bytes`, at most up to the end of the head, or of the body when
  // the head is done; how many. Those that were not taken are offered again, with more behind them.
  std::size_t put(ByteView bytes);

  State state() const { return state_; }
  // Bytes of this request were seen.
  bool has_begun() const { return has_begun_; }
  const RequestHead& head() const { return head_; }
  // kBroken: why.
  const Fault& fault() const { return fault_; }
  // A longer body breaks the request, with status 413.
  void set_body_limit(std::size_t bytes) { body_limit_ = bytes; }
  ByteView body() const { return body_.view(); }
  // Memory of the body.
  std::size_t held_bytes() const { return body_.capacity(); }

 private:
  struct Parser;
  std::size_t put_head(ByteView bytes);
  std::size_t put_body(ByteView bytes);
  void finish_head();
  void refuse(int status, std::string sentence);

  State state_ = State::kHead;
  bool has_begun_ = false;
  std::size_t head_bytes_ = 0;
  std::size_t body_limit_ = 0;
  RequestHead head_;
  Fault fault_;
  ByteBuffer body_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace stator::http
