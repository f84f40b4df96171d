// How points are kept: one kv entry each, in order of time.
//
//   space 1  key: the series and the time (8 bytes, order kept); value: a double
//   space 2  key: the series; value: the retention (u64 ms, 0 = for ever), then the time before
//   which
//            points are gone (8 bytes, order kept)
// The series in a key is one byte of length and the name, so that no series is a prefix of another.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

namespace timeseries {

inline constexpr std::uint8_t kPointSpace = 1;
inline constexpr std::uint8_t kSeriesSpace = 2;
inline constexpr double kSeriesBytesMax = 128;
// An op's answer, and what one record erases at most: the rest goes with later records.
inline constexpr std::uint64_t kPointsMax = 10'000;
inline constexpr std::size_t kErasedMax = 10'000;
inline constexpr std::int64_t kFirstTime = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kLastTime = std::numeric_limits<std::int64_t>::max();

struct Point {
  std::int64_t at = 0;  // milliseconds; any epoch, negative too
  double value = 0;
};

struct Series {
  std::uint64_t keep_ms = 0;
  std::int64_t gone_before = kFirstTime;
};

// 8 bytes whose order is the order of the times.
void append_time(std::string& to, std::int64_t at);
std::int64_t read_time(std::string_view bytes);
std::string series_key(std::string_view series);
std::string point_key(std::string_view series, std::int64_t at);

Series read_series(const stator::Kv& kv, std::string_view series);
std::string series_value(const Series& series);

// The points of [from, to) in order of time, without those that are gone.
class PointWalk {
 public:
  PointWalk(const stator::Kv& kv, std::string_view series, std::int64_t from, std::int64_t to);
  bool next(Point& point);

 private:
  std::string lower_;  // the cursor's bounds, which it borrows
  std::string upper_;
  stator::Cursor cursor_;
};

// The newest time of a series that has points; false if it has none.
bool newest_time(const stator::Kv& kv, std::string_view series, std::int64_t& at);

}  // namespace timeseries
