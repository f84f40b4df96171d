#include "record_reader.h"

#include <algorithm>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "answer.h"
#include "csv.h"
#include "failure.h"
#include "json_check.h"

namespace stator::client {
namespace {

using Taken = RecordReader::Taken;

constexpr std::string_view kIdName = "document_id";
constexpr const char* kTooLarge = "the line exceeds 12 MiB";

Taken fail(Record& record, const char* code, std::string sentence) {
  record.fault = {record.line, code, std::move(sentence)};
  return Taken::kFault;
}

// An id as the server takes it: a string, or a whole number as it is written.
bool read_id(json::Reader& reader, std::string& id) {
  json::RawString string;
  if (reader.peek() == json::Kind::kString) {
    if (!reader.string(string)) return false;
    id = json::unescape(string);
    return !id.empty();
  }
  std::string_view token;
  if (!reader.skip(token)) return false;
  id = token;
  std::string why;
  KeyCheck keys;
  std::string json;
  return cell_to_json(token, CellType::kInt, keys, json, why);
}

class JsonlReader : public RecordReader {
 public:
  JsonlReader(Input& input, const RecordForm& form) : input_(input), id_field_(form.id_field) {}

  Taken next(Record& record) override {
    std::string_view line;
    for (;;) {
      const Input::Taken taken = input_.next_line(line);
      record.line = input_.line_number();
      if (taken == Input::Taken::kEnd) return Taken::kEnd;
      if (taken == Input::Taken::kTooLong) return fail(record, "too_large", kTooLarge);
      if (line.find_first_not_of(" \t\r") != line.npos) break;
    }
    if (!is_utf8(line)) return fail(record, "bad_utf8", "the line is not valid UTF-8");
    json::Reader reader(line);
    if (reader.peek() != json::Kind::kObject) {
      return fail(record, "bad_json", "the line is not a JSON object");
    }
    return id_field_.empty() ? read_dumped(line, reader, record) : read_plain(line, reader, record);
  }

 private:
  Taken broken(const json::Reader& reader, Record& record) {
    if (!keys_.duplicate().empty()) {
      return fail(record, "duplicate_key", "the key '" + keys_.duplicate() + "' comes twice");
    }
    const std::string why = reader.failed() ? reader.error() : "text behind the object";
    return fail(record, "bad_json", why + " at byte " + std::to_string(reader.offset()));
  }

  // The line is the document.
  Taken read_plain(std::string_view line, json::Reader& reader, Record& record) {
    if (!keys_.pass(reader)) return broken(reader, record);
    record.data = line.substr(0, reader.offset());
    if (!reader.at_end()) return broken(reader, record);
    json::Reader again(line);
    json::RawString key;
    std::string_view passed;
    for (again.enter_object(); again.next_key(key); again.skip(passed)) {
      if (!json::equals(key, id_field_)) continue;
      if (read_id(again, record.id)) return Taken::kDocument;
      return fail(record, "missing_id",
                  "'" + id_field_ + "' must be a string that is not empty, or a whole number");
    }
    return fail(record, "missing_id", "there is no '" + id_field_ + "'");
  }

  // {"document_id":"…","data":{…}}, or the trailer.
  Taken read_dumped(std::string_view line, json::Reader& reader, Record& record) {
    bool has_id = false;
    bool has_data = false;
    json::RawString key;
    for (reader.enter_object(); reader.next_key(key);) {
      const bool is_id = json::equals(key, kIdName);
      bool& has = is_id ? has_id : has_data;
      if (!is_id && !json::equals(key, "data")) return read_other(line, key, record);
      if (has) {
        return fail(record, "duplicate_key", "the key '" + json::unescape(key) + "' comes twice");
      }
      has = true;
      const json::Kind kind = reader.peek();
      if (kind != (is_id ? json::Kind::kString : json::Kind::kObject)) {
        return fail(record, is_id ? "missing_id" : "bad_record",
                    is_id ? "'document_id' must be a string" : "'data' must be an object");
      }
      const std::size_t begin = reader.offset();
      const bool is_read = is_id ? read_id(reader, record.id) : keys_.pass(reader);
      if (reader.failed() || (!is_id && !is_read)) return broken(reader, record);
      if (!is_read) return fail(record, "missing_id", "'document_id' is empty");
      if (!is_id) record.data = line.substr(begin, reader.offset() - begin);
    }
    if (!reader.at_end()) return broken(reader, record);
    if (!has_id) return fail(record, "missing_id", "there is no 'document_id'");
    if (!has_data) return fail(record, "bad_record", "there is no 'data'");
    return Taken::kDocument;
  }
  static Taken read_other(std::string_view line, const json::RawString& key, Record& record) {
    if (const auto trailer = read_trailer(line)) {
      record.trailer = *trailer;
      return Taken::kTrailer;
    }
    return fail(record, "bad_record",
                "the key '" + json::unescape(key) +
                    "' is none of a dump; lines that are documents themselves need --id-field");
  }

  Input& input_;
  std::string id_field_;
  KeyCheck keys_;
};

class CsvRecordReader : public RecordReader {
 public:
  CsvRecordReader(Input& input, const RecordForm& form)
      : csv_(input, form.id_field.empty()), is_dump_(form.id_field.empty()) {
    switch (csv_.next()) {
      case CsvReader::Taken::kEnd:
      case CsvReader::Taken::kComment:
        throw Failure(kExitUsage, "'" + input.path() + "' has no header");
      case CsvReader::Taken::kFault:
        throw Failure(kExitUsage, "the header of '" + input.path() + "': " + csv_.fault());
      case CsvReader::Taken::kRecord:
        read_header(form);
    }
  }

  Taken next(Record& record) override {
    const CsvReader::Taken taken = csv_.next();
    record.line = csv_.line_number();
    switch (taken) {
      case CsvReader::Taken::kEnd:
        return Taken::kEnd;
      case CsvReader::Taken::kFault:
        return fail(record, csv_.code(), csv_.fault());
      case CsvReader::Taken::kComment:
        if (const auto trailer = read_trailer(csv_.comment())) {
          record.trailer = *trailer;
          return Taken::kTrailer;
        }
        return fail(record, "bad_csv", "the line begins as a trailer and is none");
      case CsvReader::Taken::kRecord:
        break;
    }
    return read_fields(record);
  }

 private:
  void read_header(const RecordForm& form) {
    if (is_dump_ && csv_.fields().front().text != kIdName) {
      throw Failure(kExitUsage,
                    "the header does not begin with 'document_id', so the file is no dump; "
                    "--id-field names the column of the ids");
    }
    for (const CsvField& field : csv_.fields()) {
      if (!is_utf8(field.text)) throw Failure(kExitUsage, "the header is not valid UTF-8");
      const bool is_id = is_dump_ && columns_.empty();
      columns_.push_back(is_dump_ && !is_id ? read_column(field.text)
                                            : Column{std::string(field.text)});
      // A document of a dump may have a member of that name, too.
      for (std::size_t i = is_dump_ ? 1 : 0; i + 1 < columns_.size(); ++i) {
        if (columns_[i].name != columns_.back().name) continue;
        throw Failure(kExitUsage, "the header has '" + printable(columns_.back().name) + "' twice");
      }
    }
    id_at_ = is_dump_ ? 0 : find_column(form.id_field, "--id-field");
    for (const Column& typed : form.types) {
      columns_[find_column(typed.name, "--types")].type = typed.type;
    }
    for (const Column& column : columns_) {
      if (column.type != CellType::kDocument || (is_dump_ && columns_.size() == 2)) continue;
      throw Failure(kExitUsage, "a column of type 'document' stands alone beside the id");
    }
  }
  std::size_t find_column(const std::string& name, const char* option) const {
    const auto it = std::find_if(columns_.begin(), columns_.end(),
                                 [&](const Column& column) { return column.name == name; });
    if (it != columns_.end()) return static_cast<std::size_t>(it - columns_.begin());
    throw Failure(kExitUsage,
                  std::string(option) + ": the header has no column '" + printable(name) + "'");
  }

  Taken read_fields(Record& record) {
    const std::vector<CsvField>& fields = csv_.fields();
    if (fields.size() != columns_.size()) {
      return fail(record, "bad_csv",
                  std::to_string(fields.size()) + " fields where the header has " +
                      std::to_string(columns_.size()));
    }
    for (const CsvField& field : fields) {
      if (!is_utf8(field.text)) return fail(record, "bad_utf8", "the line is not valid UTF-8");
      if (field.text.find('\0') != field.text.npos) return fail(record, "bad_csv", "a NUL byte");
    }
    record.id = fields[id_at_].text;
    if (record.id.empty()) {
      return fail(record, "missing_id", "'" + columns_[id_at_].name + "' is empty");
    }
    return make_document(record);
  }

  Taken make_document(Record& record) {
    json::StringOut out;
    json::Writer writer(out);
    writer.begin_object();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const CsvField& field = csv_.fields()[i];
      const Column& column = columns_[i];
      const bool is_absent = field.text.empty() && !field.is_quoted;
      if ((is_dump_ && i == id_at_) || (is_absent && column.type != CellType::kDocument)) continue;
      std::string why;
      if (!cell_to_json(field.text, column.type, keys_, json_, why)) {
        return fail(record, "bad_value", "'" + column.name + "' must be " + why);
      }
      if (column.type == CellType::kDocument) {
        document_ = json_;
        record.data = document_;
        return Taken::kDocument;
      }
      writer.key(column.name).raw(json_);
    }
    writer.end_object();
    document_ = out.take();
    record.data = document_;
    return Taken::kDocument;
  }

  CsvReader csv_;
  bool is_dump_;
  std::vector<Column> columns_;
  std::size_t id_at_ = 0;
  KeyCheck keys_;
  std::string json_;
  std::string document_;
};

}  // namespace

std::unique_ptr<RecordReader> make_record_reader(Input& input, const RecordForm& form) {
  if (form.format == FileFormat::kCsv) return std::make_unique<CsvRecordReader>(input, form);
  return std::make_unique<JsonlReader>(input, form);
}

}  // namespace stator::client
