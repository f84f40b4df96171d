#include "csv.h"

#include <algorithm>

namespace stator::client {

CsvReader::Taken CsvReader::fail(const char* code, std::string sentence) {
  code_ = code;
  fault_ = std::move(sentence);
  return Taken::kFault;
}

CsvReader::Taken CsvReader::next() {
  for (;;) {
    const Input::Taken taken = input_.next_line(line_);
    if (taken == Input::Taken::kEnd) return Taken::kEnd;
    line_number_ = input_.line_number();
    if (taken == Input::Taken::kTooLong) return fail("too_large", "the line exceeds 12 MiB");
    if (is_dump_ && line_.starts_with("#{")) return Taken::kComment;
    if (!line_.empty() && line_ != "\r") break;
  }
  at_ = 0;
  text_.clear();
  slices_.clear();
  const Taken taken = read_record();
  if (taken != Taken::kRecord) return taken;
  fields_.clear();
  for (const Slice& slice : slices_) {
    fields_.push_back(
        {std::string_view(text_).substr(slice.begin, slice.end - slice.begin), slice.is_quoted});
  }
  return taken;
}

// Fields until the end of the record; a "\r" that ends it is no part of it.
CsvReader::Taken CsvReader::read_record() {
  for (;;) {
    if (at_ < line_.size() && line_[at_] == '"') {
      if (const Taken taken = read_quoted(); taken != Taken::kRecord) return taken;
    } else {
      std::size_t end = std::min(line_.find(',', at_), line_.size());
      std::string_view field = line_.substr(at_, end - at_);
      if (end == line_.size() && field.ends_with('\r')) field.remove_suffix(1);
      if (field.find('"') != field.npos) {
        return fail("bad_csv", "a quote inside a field without quotes");
      }
      if (field.find('\r') != field.npos) {
        return fail("bad_csv", "a carriage return that ends no line, outside of quotes");
      }
      slices_.push_back({text_.size(), text_.size() + field.size(), false});
      text_ += field;
      at_ = end;
    }
    if (at_ == line_.size()) return Taken::kRecord;
    ++at_;  // the comma
  }
}

// A field in quotes, over lines if need be; leaves at_ on the comma or the end.
CsvReader::Taken CsvReader::read_quoted() {
  const std::size_t begin = text_.size();
  ++at_;
  for (;;) {
    const std::size_t quote = line_.find('"', at_);
    if (quote == line_.npos) {
      text_ += line_.substr(at_);
      text_ += '\n';
      if (text_.size() > kLineBytesMax) return fail("too_large", "the record exceeds 12 MiB");
      const Input::Taken taken = input_.next_line(line_);
      if (taken == Input::Taken::kEnd) return fail("bad_csv", "a field in quotes does not end");
      if (taken == Input::Taken::kTooLong) return fail("too_large", "the record exceeds 12 MiB");
      at_ = 0;
      continue;
    }
    text_ += line_.substr(at_, quote - at_);
    at_ = quote + 1;
    if (at_ == line_.size() || line_[at_] != '"') break;
    text_ += '"';
    ++at_;
  }
  slices_.push_back({begin, text_.size(), true});
  if (line_.substr(at_) == "\r") at_ = line_.size();
  if (at_ == line_.size() || line_[at_] == ',') return Taken::kRecord;
  return fail("bad_csv", "text behind the quote that ends a field");
}

void write_csv_field(std::string_view text, std::string& out) {
  const bool needs_quotes =
      text.empty() || text.front() == '#' || text.find_first_of(",\"\r\n") != text.npos;
  if (!needs_quotes) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace stator::client
