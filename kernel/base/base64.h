// Base64 (RFC 4648, section 4), padded, strict.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace stator {

constexpr std::size_t base64_encoded_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }
// Writes base64_encoded_bytes(bytes.size()) characters.
void base64_encode(ByteView bytes, char* to);
std::string base64_encode(ByteView bytes);

// Bytes that `text` decodes to if it is valid.
std::size_t base64_decoded_bytes(ByteView text);
// Decodes to `to` (base64_decoded_bytes of room). False for a foreign character, a wrong length,
// wrong padding, or bits that are not zero behind the end.
bool base64_decode(ByteView text, char* to);

}  // namespace stator
