#include "wal/log.h"

namespace stator::wal {
namespace {

// Between two calls that tell the progress.
constexpr std::uint64_t kProgressRecords = 8192;

Status visit_batch(BatchReader& batch, Lsn from, const Visitor& visit) {
  RecordView record;
  Lsn lsn;
  while (batch.next(record, lsn)) {
    if (lsn >= from) STATOR_CHECK(visit(record, lsn, batch.seal().time_ms));
  }
  return ok_status();
}

}  // namespace

BatchBuilder seal_batch() {
  BatchBuilder batch;
  const Status added = batch.add({.engine = EngineNumber{0},
                                  .type = kSealRecordType,
                                  .tenant = TenantId{0},
                                  .vshard = kEveryVShard,
                                  .collection = {},
                                  .payload = {}});
  STATOR_ASSERT(added.ok());
  return batch;
}

Error fenced(std::uint32_t epoch, std::uint32_t current) {
  return Error(ErrorCode::kFenced, "epoch " + std::to_string(epoch) +
                                       " does not own the log, epoch " + std::to_string(current) +
                                       " does");
}

Status read_durable(Log& log, Lsn from, const Visitor& visit, const Progress& progress) {
  const Lsn end = log.durable();
  const std::uint64_t total = end < from ? 0 : end.value() - from.value() + 1;
  const auto reader = log.reader(from);
  std::uint64_t told = 0;
  while (reader->position() <= end) {
    STATOR_TRY(const LogReader::Step step, reader->next());
    if (step == LogReader::Step::kTrimmed) {
      return Error(ErrorCode::kNotFound,
                   "the log no longer has LSN " + std::to_string(reader->position().value()) +
                       "; it begins with LSN " + std::to_string(log.oldest().value()));
    }
    STATOR_ASSERT(step == LogReader::Step::kBatch);  // it is durable
    STATOR_CHECK(visit_batch(reader->batch(), from, visit));
    const std::uint64_t done = reader->position().value() - from.value();
    if (progress && done - told >= kProgressRecords) progress(told = done, total);
  }
  if (progress) progress(total, total);
  return ok_status();
}

}  // namespace stator::wal
