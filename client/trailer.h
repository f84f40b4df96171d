// The last line of a dump: how many documents it holds and the SHA-256 of all before it. A dump
// without it was cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stator::client {

struct Trailer {
  std::uint64_t documents = 0;
  std::string sha256;  // hexadecimal
};

// {"stator_dump":1,"documents":N,"sha256":"…"}
std::string write_trailer(const Trailer& trailer);
// Nothing if `line` is none.
std::optional<Trailer> read_trailer(std::string_view line);

// Reads a dump to its end and compares its trailer with it. Throws Failure: usage where the file
// cannot be read, refused with what is wrong.
void verify_dump(const std::string& path);
// Throws Failure (refused) unless this is what the trailer says.
void verify_trailer(const Trailer& trailer, const std::string& sha256, const std::string& path);
// What is said of a dump that has no trailer; `what_happened` ends the sentence.
std::string cut_sentence(const std::string& path, const std::string& what_happened);

}  // namespace stator::client
