// The four ops. All are placed by the series, so one series lives on one lane.
#include <algorithm>
#include <cmath>

#include "engine.h"

namespace timeseries {
namespace {

using stator::make_arg;
using stator::Reply;
using stator::Request;

constexpr stator_arg kSeriesArg = make_arg(
    STATOR_ARG_STR, "series", "Which series.",
    {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = kSeriesBytesMax});
constexpr stator_arg kFromArg =
    make_arg(STATOR_ARG_I64, "from", "First time, inclusive; default: the oldest.", {});
constexpr stator_arg kToArg =
    make_arg(STATOR_ARG_I64, "to", "Last time, exclusive; default: behind the newest.", {});

std::int64_t time_or(const Request& request, std::size_t arg, std::int64_t otherwise) {
  return request.args().has(arg) ? request.args().i64(arg) : otherwise;
}

stator_status interrupted(Reply& reply) {
  return reply.fail(STATOR_E_DEADLINE_EXCEEDED, nullptr, "the time of the request was over");
}

void write_lsn(stator::json::Writer& json, Reply& reply) {
  json.key("lsn");
  reply.lsn(json);
}

// ---- series_append ----------------------------------------------------------------------------
constexpr stator_arg kPointFields[] = {
    make_arg(STATOR_ARG_I64, "at", "Time in milliseconds.", {.flags = STATOR_ARG_REQUIRED}),
    make_arg(STATOR_ARG_F64, "value", "The number.", {.flags = STATOR_ARG_REQUIRED})};
constexpr stator_arg kAppendArgs[] = {
    kSeriesArg,
    stator::make_rows("points", "The points, in any order; the last one of a time stays.",
                      kPointFields, {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kPointsMax})};

stator_status append(const Engine&, const Request& request, stator::Records& records,
                     Reply& reply) {
  const stator::Args args = request.args();
  const std::string_view name = args.str(0);
  std::int64_t newest = kFirstTime;
  newest_time(request.kv(), name, newest);
  for (std::size_t i = 0; i < args.count(1); ++i) newest = std::max(newest, args.row(1, i).i64(0));
  const std::int64_t before = gone_before(read_series(request.kv(), name), newest);

  std::string payload = series_key(name);
  append_time(payload, before);
  std::uint64_t kept = 0;
  for (std::size_t i = 0; i < args.count(1); ++i) {
    const stator::Args point = args.row(1, i);
    if (point.i64(0) < before) continue;
    append_time(payload, point.i64(0));
    const double value = point.f64(1);
    payload.append(reinterpret_cast<const char*>(&value), sizeof value);
    ++kept;
  }
  if (kept != 0) records.add(request.vshard(), kAppend, payload);
  auto json = reply.json();
  json.begin_object().field("appended", kept).field("too_old", args.count(1) - kept);
  write_lsn(json, reply);
  json.end_object();
  return STATOR_OK;
}

// ---- series_range -----------------------------------------------------------------------------
constexpr stator_arg kRangeArgs[] = {
    kSeriesArg, kFromArg, kToArg,
    make_arg(STATOR_ARG_U64, "limit", "At most so many points.",
             {.min = 1, .max = kPointsMax, .default_json = "1000"})};

stator_status range(const Engine&, const Request& request, Reply& reply) {
  PointWalk walk(request.kv(), request.args().str(0), time_or(request, 1, kFirstTime),
                 time_or(request, 2, kLastTime));
  auto json = reply.json();
  json.begin_object().key("points").begin_array();
  Point point;
  bool has_point = walk.next(point);
  for (std::uint64_t left = request.args().u64(3); has_point && left != 0; --left) {
    if (request.interrupted()) return interrupted(reply);
    json.begin_array().number(point.at).number(point.value).end_array();
    has_point = walk.next(point);
  }
  json.end_array();
  if (has_point) json.field("next", point.at);  // ask again from here
  json.end_object();
  return STATOR_OK;
}

// ---- series_downsample ------------------------------------------------------------------------
constexpr const char* kFunctions[] = {"avg", "min", "max", "sum", "count", "last"};
constexpr stator_arg kDownsampleArgs[] = {
    kSeriesArg, kFromArg, kToArg,
    make_arg(STATOR_ARG_U64, "step_ms", "Width of a bucket; buckets begin at multiples of it.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 1e15}),
    stator::make_enum("function", "What becomes of the points of a bucket.", kFunctions,
                      {.default_json = "\"avg\""})};

struct Bucket {
  std::int64_t at = 0;
  std::uint64_t count = 0;
  double sum = 0, min = 0, max = 0, last = 0;

  void add(double value) {
    min = count == 0 ? value : std::min(min, value);
    max = count == 0 ? value : std::max(max, value);
    sum += value;
    last = value;
    ++count;
  }
  double result(std::uint64_t function) const {
    const double results[] = {sum / static_cast<double>(count), min, max, sum,
                              static_cast<double>(count),       last};
    return results[function];
  }
};

// Rounds down, for negative times too; the first bucket of all begins at the first time.
std::int64_t bucket_of(std::int64_t at, std::int64_t step) {
  const std::int64_t over = ((at % step) + step) % step;
  std::int64_t begin = 0;
  return __builtin_sub_overflow(at, over, &begin) ? kFirstTime : begin;
}

stator_status downsample(const Engine&, const Request& request, Reply& reply) {
  const stator::Args args = request.args();
  PointWalk walk(request.kv(), args.str(0), time_or(request, 1, kFirstTime),
                 time_or(request, 2, kLastTime));
  const auto step = static_cast<std::int64_t>(args.u64(3));
  auto json = reply.json();
  json.begin_object().key("buckets").begin_array();
  Bucket bucket;
  std::uint64_t written = 0;
  const auto write = [&] {
    if (bucket.count == 0) return true;
    json.begin_array().number(bucket.at).number(bucket.result(args.u64(4))).end_array();
    return ++written < kPointsMax;
  };
  for (Point point; walk.next(point);) {
    if (request.interrupted()) return interrupted(reply);
    const std::int64_t at = bucket_of(point.at, step);
    if (bucket.count != 0 && at != bucket.at) {
      if (!write())
        return reply.fail(STATOR_E_FAN_OUT_EXCEEDED, "step_ms",
                          "more than 10000 buckets; take a wider step");
      bucket = {};
    }
    bucket.at = at;
    bucket.add(point.value);
  }
  write();
  json.end_array().end_object();
  return STATOR_OK;
}

// ---- series_keep ------------------------------------------------------------------------------
constexpr stator_arg kKeepArgs[] = {
    kSeriesArg, make_arg(STATOR_ARG_U64, "keep_ms",
                         "Points older than the newest by more than this go; 0: none.",
                         {.flags = STATOR_ARG_REQUIRED, .max = 1e15})};

stator_status keep(const Engine&, const Request& request, stator::Records& records, Reply& reply) {
  const std::string_view name = request.args().str(0);
  Series series = read_series(request.kv(), name);
  series.keep_ms = request.args().u64(1);
  std::int64_t newest = kFirstTime;
  if (newest_time(request.kv(), name, newest)) series.gone_before = gone_before(series, newest);
  records.add(request.vshard(), kKeep, series_key(name) + series_value(series));
  auto json = reply.json();
  json.begin_object();
  write_lsn(json, reply);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const stator::Op<Engine> kAppendOp = {
    .row = stator::make_op(
        {.op_class = STATOR_OP_WRITE,
         .permission = STATOR_PERM_WRITE,
         .placement = STATOR_PLACE_DOCUMENT,
         .name = "series_append",
         .doc = "Adds points to a series; a time that is there gets the new value.",
         .result = R"({"appended":N,"too_old":N,"lsn":N})",
         .example = R"({"op":"series_append","series":"cpu","points":[{"at":0,"value":0.5}]})",
         .args = kAppendArgs}),
    .prepare = append};

const stator::Op<Engine> kRangeOp = {
    .row =
        stator::make_op({.op_class = STATOR_OP_READ,
                         .permission = STATOR_PERM_READ,
                         .placement = STATOR_PLACE_DOCUMENT,
                         .cost = STATOR_COST_SCAN,
                         .name = "series_range",
                         .doc = "The points of a series between two times, oldest first.",
                         .result = R"({"points":[[at,value],...],"next":at})",
                         .example = R"({"op":"series_range","series":"cpu","from":0,"to":60000})",
                         .args = kRangeArgs}),
    .read = range};

const stator::Op<Engine> kDownsampleOp = {
    .row = stator::make_op(
        {.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_DOCUMENT,
         .cost = STATOR_COST_SCAN,
         .name = "series_downsample",
         .doc = "One number for each step of time that has points.",
         .result = R"({"buckets":[[begin,value],...]})",
         .example = R"({"op":"series_downsample","series":"cpu","step_ms":60000,"function":"max"})",
         .args = kDownsampleArgs}),
    .read = downsample};

const stator::Op<Engine> kKeepOp = {
    .row = stator::make_op({.op_class = STATOR_OP_WRITE,
                            .permission = STATOR_PERM_ALTER,
                            .placement = STATOR_PLACE_DOCUMENT,
                            .name = "series_keep",
                            .doc = "Says how long points are kept, counted back from the newest.",
                            .result = R"({"lsn":N})",
                            .example = R"({"op":"series_keep","series":"cpu","keep_ms":86400000})",
                            .args = kKeepArgs}),
    .prepare = keep};

}  // namespace timeseries
