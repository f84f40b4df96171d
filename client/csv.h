// CSV after RFC 4180: fields between commas, those with quotes, commas or line breaks in quotes, a
// quote in them doubled. Line ends are CRLF or LF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input.h"

namespace stator::client {

struct CsvField {
  std::string_view text;
  bool is_quoted = false;
};

class CsvReader {
 public:
  // In a dump a line that begins with '#{' is its trailer: kComment, in comment().
  CsvReader(Input& input, bool is_dump) : input_(input), is_dump_(is_dump) {}

  enum class Taken { kRecord, kFault, kComment, kEnd };
  // The next record. Empty lines are passed over. After a fault the next line is a new record.
  Taken next();

  // Last until the next call.
  const std::vector<CsvField>& fields() const { return fields_; }
  std::string_view comment() const { return line_; }
  std::uint64_t line_number() const { return line_number_; }  // where the record begins
  // Of a fault: an error code and a sentence.
  const char* code() const { return code_; }
  const std::string& fault() const { return fault_; }

 private:
  struct Slice {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool is_quoted = false;
  };
  Taken fail(const char* code, std::string sentence);
  Taken read_record();
  Taken read_quoted();

  Input& input_;
  bool is_dump_;
  std::vector<CsvField> fields_;
  std::vector<Slice> slices_;  // of text_
  std::string_view line_;
  std::size_t at_ = 0;  // in the line
  std::string text_;    // of the fields, without quotes
  std::uint64_t line_number_ = 0;
  const char* code_ = "";
  std::string fault_;
};

// Appends the field, in quotes where it needs them, is empty, or begins as a comment does.
void write_csv_field(std::string_view text, std::string& out);

}  // namespace stator::client
