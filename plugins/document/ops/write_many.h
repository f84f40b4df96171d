// What document_update_many, document_delete_many and document_truncate have in common: each lane
// changes the documents it has; the lanes' parts are not atomic together (docs/adr/0027).
#pragma once

#include <cstdint>
#include <string_view>

#include "stator/engine.hpp"

#include "document_engine.h"
#include "scan/selection.h"
#include "storage.h"

namespace stator::document {

// Most documents that one request changes, and bytes of records that one lane writes for it: far
// below the 64 MiB of a batch of the log, and what a lane does without serving others.
inline constexpr double kWriteManyMax = 100'000;
inline constexpr std::size_t kWriteManyBytesMax = 32 * 1024 * 1024;

inline constexpr stator_arg kWriteLimitArg =
    make_arg(STATOR_ARG_U64, "limit",
             "Most documents to change, any of those selected; shared out among the lanes, so at "
             "least their number.",
             {.min = 1, .max = kWriteManyMax, .default_json = "10000"});
inline constexpr stator_arg kDryRunArg =
    make_arg(STATOR_ARG_BOOL, "dry_run", "Only count: change nothing.", {.default_json = "false"});

// A lane's part: this struct's bytes.
struct WriteManyPart {
  std::uint64_t affected = 0;
  std::uint64_t has_more = 0;
};

// What remains to be done in one lane's share of the limit.
class WriteManyShare {
 public:
  // STATOR_OK, or a refusal where the limit has not one document for each lane. `is_shared`: the
  // parts of all lanes are written as one batch of the log.
  Status begin(const DocumentEngine& engine, std::uint64_t limit, bool is_shared, Reply& reply);
  // False, and notes that there is more, when the share is used up.
  bool take(std::size_t record_bytes);
  void finish(Reply& reply) const;

 private:
  std::uint64_t left_ = 0;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_ = kWriteManyBytesMax;
  WriteManyPart part_;
};

// Answers {"affected":n,"more":bool}.
Status merge_write_many(const Parts& parts, Reply& reply);

}  // namespace stator::document
