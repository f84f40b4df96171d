#include "engine.h"

#include <algorithm>
#include <vector>

namespace timeseries {
namespace {

constexpr std::size_t kPointBytes = 16;
constexpr const stator::Op<Engine>* kOps[] = {&kAppendOp, &kRangeOp, &kDownsampleOp, &kKeepOp};

// The parts of a record's payload.
struct Payload {
  std::string_view key;  // of the series, with its byte of length
  std::string_view rest;
  explicit Payload(std::string_view payload)
      : key(payload.substr(0, 1 + static_cast<std::uint8_t>(payload[0]))),
        rest(payload.substr(key.size())) {}
  std::string_view series() const { return key.substr(1); }
};

// The oldest points that are gone, a bounded number of them: what stays for now is not seen by any
// op, and the next record takes it. How many depends on the store and the record alone.
void erase_gone(stator::KvWriter& kv, std::string_view series, std::int64_t before) {
  const std::string lower = point_key(series, kFirstTime);
  const std::string upper = point_key(series, before);
  std::vector<std::string> keys;  // a cursor is void after a write
  stator::Cursor cursor = kv.scan(kPointSpace, {.lower = lower, .upper = upper});
  while (keys.size() < kErasedMax && cursor.next()) keys.emplace_back(cursor.key());
  for (const std::string& key : keys) kv.erase(kPointSpace, key);
}

}  // namespace

std::int64_t gone_before(const Series& series, std::int64_t newest) {
  if (series.keep_ms == 0) return series.gone_before;
  std::int64_t before = 0;
  if (__builtin_sub_overflow(newest, series.keep_ms, &before)) before = kFirstTime;
  return std::max(series.gone_before, before);
}

void Engine::apply(const stator::Record& record, stator::KvWriter& kv) {
  const Payload payload(record.payload());
  if (record.type() == kKeep) {
    kv.put(kSeriesSpace, record.vshard(), payload.key, payload.rest);
    erase_gone(kv, payload.series(), read_time(payload.rest.substr(8)));
    return;
  }
  Series series = read_series(kv, payload.series());
  series.gone_before = read_time(payload.rest);
  kv.put(kSeriesSpace, record.vshard(), payload.key, series_value(series));
  for (std::size_t at = 8; at < payload.rest.size(); at += kPointBytes) {
    const std::string_view point = payload.rest.substr(at, kPointBytes);
    std::string key(payload.key);
    kv.put(kPointSpace, record.vshard(), key.append(point.substr(0, 8)), point.substr(8));
  }
  erase_gone(kv, payload.series(), series.gone_before);
}

stator::Change Engine::describe_change(std::uint32_t type, std::string_view payload,
                                       stator::ChangeValue& value) {
  const Payload parts(payload);
  if (type == kKeep) return {"keep", parts.series()};
  if (value.is_wanted()) {
    stator::json::Writer json = value.json();
    json.begin_array();
    for (std::size_t at = 8; at < parts.rest.size(); at += kPointBytes) {
      double number = 0;
      std::memcpy(&number, parts.rest.data() + at + 8, sizeof number);
      json.begin_array().number(read_time(parts.rest.substr(at, 8))).number(number).end_array();
    }
    json.end_array();
  }
  return {"append", parts.series()};
}

stator::EngineDescription<Engine> Engine::describe() {
  return {.id = "timeseries",
          .version = "1.0.0",
          .vendor = "Stator",
          .doc = "Series of numbers in time: append, range, downsample, retention.",
          .ops = kOps};
}

}  // namespace timeseries

STATOR_ENGINE_NOTE("timeseries", "1.0.0")
STATOR_DEFINE_ENGINE(timeseries::Engine)
