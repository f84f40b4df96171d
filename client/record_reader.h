// Documents from a file: lines of JSON or CSV, each checked before it is sent anywhere.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cell.h"
#include "input.h"
#include "trailer.h"

namespace stator::client {

enum class FileFormat { kJsonl, kCsv };

struct RecordForm {
  FileFormat format = FileFormat::kJsonl;
  // The member or column that is the id; the document keeps it. Empty: the file is a dump.
  std::string id_field;
  std::vector<Column> types = {};  // of CSV that is no dump; other columns are strings
};

// What was wrong with a line, or with a document in the server's eyes.
struct Reject {
  std::uint64_t line = 0;
  std::string code;
  std::string sentence;
};

struct Record {
  std::uint64_t line = 0;
  std::string id;
  std::string_view data;  // a JSON object; lasts until the next record is read
  Reject fault;
  Trailer trailer;
};

class RecordReader {
 public:
  enum class Taken { kDocument, kFault, kTrailer, kEnd };

  virtual ~RecordReader() = default;
  // Throws Failure (usage) where the file cannot be read further.
  virtual Taken next(Record& record) = 0;
};

// Reads the header where the form has one. Throws Failure (usage) that says what is wrong with it.
std::unique_ptr<RecordReader> make_record_reader(Input& input, const RecordForm& form);

}  // namespace stator::client
