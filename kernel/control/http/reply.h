// What leaves as HTTP/1.1.
#pragma once

#include <string>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/error.h"

namespace stator::http {

inline constexpr std::string_view kJson = "application/json";

struct Reply {
  int status = 200;
  std::string_view type = kJson;  // empty: there is no body
  std::string fields;             // further ones, each "Name: value\r\n"
};

// The head of a response whose body follows: of `length` bytes, or in chunks. `date_ms`: Unix time.
void write_head(const Reply& reply, std::size_t length, std::uint64_t date_ms, ByteBuffer& out);
void write_chunked_head(const Reply& reply, bool has_chunks, std::uint64_t date_ms,
                        ByteBuffer& out);
// One chunk of it; the last one is empty.
void write_chunk(ByteView bytes, ByteBuffer& out);

// The JSON text of an error that no request has.
std::string error_body(const Error& error);

}  // namespace stator::http
