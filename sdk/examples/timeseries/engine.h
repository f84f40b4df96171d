// The engine: what its records are, and how they are applied.
//
// Records hold effects. 1, append: the series as a key, the time before which points are gone, then
// 16 bytes a point. 2, keep: the series as a key, the stored form of its settings.
#pragma once

#include <memory>

#include "points.h"

namespace timeseries {

enum RecordType : std::uint32_t { kAppend = 1, kKeep = 2 };

struct Engine {
  static stator::EngineDescription<Engine> describe();
  static std::unique_ptr<Engine> open(const stator::Open&) { return std::make_unique<Engine>(); }
  void apply(const stator::Record& record, stator::KvWriter& kv);
  static stator::Change describe_change(std::uint32_t type, std::string_view payload,
                                        stator::ChangeValue& value);
};

// What keep_ms makes of a series whose newest point is `newest`.
std::int64_t gone_before(const Series& series, std::int64_t newest);

// ops.cc
extern const stator::Op<Engine> kAppendOp;
extern const stator::Op<Engine> kRangeOp;
extern const stator::Op<Engine> kDownsampleOp;
extern const stator::Op<Engine> kKeepOp;

}  // namespace timeseries
