// lib0 `any`: one JavaScript value in binary.
//
// Values are kept as the bytes in which they came, so what is stored is written again unchanged.
#pragma once

#include <cstddef>
#include <string_view>

#include "stator/json_writer.hpp"

#include "codec/lib0.h"

namespace stator::crdt {

// Passes one value, checking tags, lengths, UTF-8 and nesting (kValueDepthMax).
bool check_any(ByteReader& reader);

// Bytes that the first `count` values of `checked` take.
std::size_t any_bytes(std::string_view checked, std::size_t count);

// The value at the reader (checked bytes) is JavaScript's undefined.
bool is_undefined(ByteReader reader);

// Writes the value at the reader as JSON and passes it: bytes become a base64 string, a bigint a
// number with all its digits, undefined is left out of objects and null elsewhere, numbers that
// JSON lacks are null.
void write_any_json(ByteReader& reader, json::Writer& out);

// The text of a value as JavaScript's String() makes it where that is simple (strings, numbers,
// booleans, null, undefined), else its JSON.
std::string any_to_text(std::string_view checked);

void write_base64_json(std::string_view bytes, json::Writer& out);

}  // namespace stator::crdt
