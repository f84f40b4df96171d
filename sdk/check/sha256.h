// SHA-256 (FIPS 180-4), so that a report of the check says which bytes it is of. Not OpenSSL's: the
// SDK needs a C++ compiler and nothing else.
#pragma once

#include <string>
#include <string_view>

namespace stator::check {

// 64 hexadecimal digits, lower case.
std::string sha256_hex(std::string_view bytes);

}  // namespace stator::check
