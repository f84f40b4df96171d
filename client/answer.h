// One frame that the server sent, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stator::client {

struct Answer {
  std::uint64_t request_id = 0;  // 0: the frame names none
  std::string status;            // ok, partial, error
  std::string payload;           // compact JSON; empty where the frame has none
  std::string error_code;
  std::string error;  // sentence for people
  std::string field;
  std::string hint;
  bool is_retryable = false;  // the same request may succeed later
  std::uint64_t retry_after_ms = 0;

  bool is_error() const { return status != "ok" && status != "partial"; }
  bool is_last() const { return status != "partial"; }
  // "not_found: no such document (field 'document_id'); hint"
  std::string sentence() const;
};

// Throws Failure (connection) if the frame is not an answer.
Answer read_answer(std::string_view frame);

// Text of the server, fit for a terminal: control characters become escapes.
std::string printable(std::string_view text);

}  // namespace stator::client
