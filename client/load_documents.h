// Documents of a file into a collection: `stator load`. Knows one operation, document_batch_insert.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "connection.h"
#include "record_reader.h"

namespace stator::client {

struct LoadOptions {
  std::string collection;
  std::string path;  // "-": the standard input
  RecordForm form;
  bool wants_trailer = true;     // a dump without one is refused
  bool skips_faults = false;     // else the first one ends the load
  bool keeps_existing = false;   // of a document that is there already; else it is replaced
  std::string reject_path = {};  // lines of {"line","error_code","error"}; empty: none
  std::string state_path = {};   // --resume; empty: a load that was cut begins anew
  std::ostream& err;             // the first rejects
  bool has_bar = false;
};

struct LoadSummary {
  std::uint64_t documents = 0;  // that the server has, those of the runs before included
  std::uint64_t rejected = 0;
  double seconds = 0;

  // {"documents":N,"rejected":N,"seconds":S}
  std::string json() const;
};

// Fills `summary` also where it throws. Throws Failure: usage for a file that cannot be read, has a
// wrong header or is not the one that the state belongs to; refused for a dump that is cut or
// damaged, and for what ends the load; connection.
void load_documents(Connection& connection, const LoadOptions& options, LoadSummary& summary);

}  // namespace stator::client
