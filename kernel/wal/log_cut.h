// Makes a log end earlier: for a log that is damaged inside. What is cut off is gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "wal/log_check.h"

namespace stator::wal {

// What a cut will do; made by plan_cut().
struct CutPlan {
  std::string directory;
  Lsn to;
  std::string kept;  // path of the segment that is the last one then; empty: no segment is there
  std::uint64_t offset = 0;         // in it; what is from here on goes
  std::uint64_t end = 0;            // in it, behind its last commit, whole or not
  bool is_inside_commit = false;    // `offset` is: the segment is written anew without the rest
  const KeyRing* keys = nullptr;    // to do that with
  bool begins_anew = false;         // nothing is kept: an empty segment is made behind `to`
  std::vector<Segment> removed;     // later segments, oldest first
  std::uint64_t removed_bytes = 0;  // what was written in them

  std::uint64_t bytes() const { return end - offset + removed_bytes; }
  bool is_empty() const { return bytes() == 0 && removed.empty(); }
  // "N bytes and M segments", for people.
  std::string dropped() const;
};

// What it takes to let the log end with LSN `to`; changes nothing. Errors: kBadRequest when `to` is
// no end of a batch (the sentence names the nearest one below), when the log cannot be read that
// far, or when a store holds records above it; those of check_log().
// A log that cannot be read that far begins anew behind `to` if every store holds exactly the
// records up to `to`: nobody needs what is before.
Result<CutPlan> plan_cut(io::FileSystem& files, const CheckOptions& options, Lsn to);

// Later segments first, newest before older, then the kept one: zeros behind the commit that ends
// with `to`, or, where `to` is inside a commit, a new file under its name. After a crash on the way
// it can be planned and done again.
Status cut_log(io::FileSystem& files, const CutPlan& plan);

}  // namespace stator::wal
