// The documents of a collection into a file: `stator dump`. Knows one operation, document_scan.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "cell.h"
#include "connection.h"
#include "record_reader.h"

namespace stator::client {

struct DumpOptions {
  std::string collection;
  std::string path;  // "-": the standard output
  FileFormat format = FileFormat::kJsonl;
  std::vector<Column> columns = {};  // of CSV; empty: the whole document in one
  std::string filter = {};           // JSON; empty: every document
  std::ostream& err;
  bool has_bar = false;
};

struct DumpSummary {
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  std::string sha256;  // of all lines before the trailer
  double seconds = 0;

  // {"documents":N,"bytes":N,"sha256":"…","seconds":S}
  std::string json() const;
};

// In the order of the ids. A document that is written meanwhile is there as it was before or after
// that; each that is there all the while is in the dump once. Throws Failure: usage where the file
// cannot be written, refused (also for a document that does not fit its columns), connection.
DumpSummary dump_documents(Connection& connection, const DumpOptions& options);

}  // namespace stator::client
