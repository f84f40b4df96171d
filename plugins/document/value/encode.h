// JSON text -> stored form (value/value.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

namespace stator::document {

// Encodes one value after another, reusing its memory. Where an object names a key twice, the last
// value wins and stands at the first one's place.
class Encoder {
 public:
  // Appends the stored form of the value that `text` consists of. False, with error(), where the
  // text is not JSON (RFC 8259), is nested deeper than json::kDepthMax or has a number whose
  // exponent exceeds kExponentMax; `out` is then as long as before.
  bool encode(std::string_view text, std::string& out);
  const char* error() const { return error_; }

 private:
  struct Member {
    std::size_t start;  // offsets in the output
    std::size_t key;
    std::size_t value;
    std::size_t end;
  };

  bool value(json::Reader& reader, std::string& out);
  bool array(json::Reader& reader, std::string& out);
  bool object(json::Reader& reader, std::string& out);
  bool number(json::Reader& reader, std::string& out);
  bool literal(json::Reader& reader, std::string& out);
  void append_string(const json::RawString& raw, std::string& out);
  // Keeps the last value of each key among members_[first..].
  void drop_duplicates(std::size_t first, std::string& out);

  std::vector<Member> members_;  // of all objects that are open, the innermost last
  std::vector<std::size_t> order_;
  std::string unescaped_;
  const char* error_ = "";
};

}  // namespace stator::document
