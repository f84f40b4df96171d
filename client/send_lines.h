// Sends a file of requests, one JSON object a line, with many in flight.
#pragma once

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>

#include "connection.h"

namespace stator::client {

struct SendOptions {
  std::string name;               // of the file, for messages
  std::uint64_t bytes_total = 0;  // for the bar; 0 = unknown
  std::ostream& err;              // the first refusals, with their line numbers
  bool has_bar = false;           // a progress bar on err
};

struct SendSummary {
  std::uint64_t lines = 0;  // that are not blank
  std::uint64_t ok = 0;
  std::uint64_t failed = 0;
  double seconds = 0;
  std::string broken;  // why the connection ended too early; what was in flight counts as failed

  // {"lines":N,"ok":N,"failed":N,"seconds":S}
  std::string json() const;
};

SendSummary send_lines(Connection& connection, std::istream& file, const SendOptions& options);

}  // namespace stator::client
